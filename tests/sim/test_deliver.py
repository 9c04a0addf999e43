"""`deliver`: every robot of the mixed fleet has its part, and what is on a tray stays there."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import RobotSpec, SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.deliver import FAMILY, DeliverRules, Roles
from metabot_sim.robots.diffdrive import TRAY_HEIGHT_M


def environment(sims: int = 1, robots: int = 3) -> tuple[FleetEnv, DeliverRules]:
    env = FleetEnv("deliver", sims, robots=robots, autoreset=Autoreset.DISABLED)
    env.reset(seed=0)
    assert isinstance(env.rules, DeliverRules)
    return env, env.rules


def load(world: BatchedWorld) -> None:
    """Put every object on the tray of its car."""
    poses = world.cars.poses()
    pose = np.zeros((world.num_sims, poses.shape[1], 7))
    pose[..., :2], pose[..., 2], pose[..., 3] = poses[..., :2], TRAY_HEIGHT_M + 0.025, 1.0
    world.qpos[:, world._object_pos] = pose
    world.qvel[:] = 0.0


@pytest.mark.parametrize(
    ("robots", "kinds"),
    [(3, "arm car arm"), (4, "arm car car arm"), (5, "arm arm car car arm"), (6, "arm arm car car arm arm")],
)
def test_who_does_what_in_fleets_of_every_size(robots: int, kinds: str) -> None:
    spec, roles = FAMILY.spec(robots), Roles.of(robots)
    assert [robot.kind for robot in spec.robots] == [{"car": "diffdrive"}.get(kind, kind) for kind in kinds.split()]
    assert len(spec.objects) == roles.cars
    for k in range(roles.cars):
        movers = [spec.robots[each[k]].name for each in (roles.loader, roles.car, roles.unloader)]
        assert [name.split("_")[0] for name in movers] == ["loader", "car", "unloader"]
    everybody = {*roles.loader, *roles.car, *roles.unloader}
    assert everybody == set(range(robots)), "nobody is idle"


@pytest.mark.parametrize("robots", [4, 6])
def test_experts_deliver_both_objects_whether_they_share_arms_or_not(robots: int) -> None:
    env, rules = environment(1, robots)
    for _ in range(env.horizon):
        done = env.step(env.expert())
        if done.terminated.all():
            break
    assert done.success.all() and rules._in_bin.all()


@pytest.mark.parametrize(("lazy", "stage"), [(0, 0), (1, 1), (2, 2)])
def test_without_one_of_them_the_object_gets_as_far_as_the_others_bring_it(lazy: int, stage: int) -> None:
    env, rules = environment(2)
    for _ in range(280):
        actions = env.expert()
        if lazy == 1:
            # A car that does nothing, not one whose biased steering turns it away.
            env.episodes.robot_dynamics[:, 1, 2] = 0.0
        actions[:, lazy] = 0.0
        assert not env.step(actions).success.any()
    assert (rules._stage[:, 0] == stage).all()
    assert (rules._aboard[:, 0] == (stage > 0)).all()


def test_success_is_every_object_in_its_bin_on_the_floor() -> None:
    env, rules = environment(1, 6)
    idle = np.zeros((1, 6, 5))
    places, height = rules._bins.copy(), rules.sizes / 2

    def lay(bins: np.ndarray) -> bool:
        pose = np.zeros((1, 2, 7))
        pose[..., :2], pose[..., 2], pose[..., 3] = bins, height, 1.0
        env.world.qpos[:, env.world._object_pos] = pose
        env.world.qvel[:] = 0.0
        for _ in range(3):
            done = env.step(idle)
        assert (done.success == done.success[:, :1]).all(), "they succeed together"
        return bool(done.success[0, 0])

    assert not lay(places[:, ::-1]), "in each other's bin"
    assert not lay(np.stack([places[:, 0], np.zeros((1, 2))], axis=1)), "one of two"
    assert lay(places)


@pytest.mark.parametrize("tray", [True, False])
def test_the_tray_keeps_what_a_jerky_car_carries(tray: bool) -> None:
    spec = FAMILY.spec(3)
    robots = [robot.model_copy(update={"tray": tray}) if robot.kind == "diffdrive" else robot for robot in spec.robots]
    thing = spec.objects[0].model_copy(update={"friction": 0.35, "size_m": 0.05})
    world = BatchedWorld(spec.model_copy(update={"robots": tuple(robots), "objects": (thing,)}), 1)
    load(world)
    for step in range(100):
        command = np.zeros((1, 3, 5))
        command[0, 1, :2] = [(-1.0, 1.0)[step // 8 % 2], (0.0, 1.0)[step // 50 % 2]]
        world.step(command)
    aboard = world.object_positions()[0, 0, 2] > TRAY_HEIGHT_M
    assert aboard == tray


def test_a_car_ignores_what_only_arms_are_commanded() -> None:
    ends = []
    for rest in (0.0, 1.0):
        env, _ = environment()
        actions = np.zeros((1, 3, 5))
        actions[:, 1] = [0.5, 0.2, rest, -rest, rest]
        for _ in range(10):
            env.step(actions)
        ends.append(env.world.qpos.copy())
    assert np.array_equal(*ends)
    assert env.action_sizes.tolist() == [5, 2, 5]


def test_everybody_sees_whether_the_object_is_aboard_and_where_it_is() -> None:
    env, rules = environment()
    names = rules.task_names
    assert env.observe()[0, :, names.index("aboard")].tolist() == [0.0, 0.0, 0.0]
    load(env.world)
    seen = env.step(np.zeros((1, 3, 5))).observations[0]
    assert seen[:, names.index("aboard")].tolist() == [1.0, 1.0, 1.0]
    assert seen[1, names.index("object_x")] == pytest.approx(0.0, abs=0.1)
    x, y = seen[1, names.index("stop_x") : names.index("stop_x") + 2] * 0.5
    pose = env.world.cars.poses()[0, 0]
    turned = [np.cos(pose[2]) * x - np.sin(pose[2]) * y, np.sin(pose[2]) * x + np.cos(pose[2]) * y]
    assert np.add(pose[:2], turned) == pytest.approx(env.world.goals[0, 1], abs=1e-3)
    sizes = env.observation_sizes
    assert sizes[1] < sizes[0] == seen.shape[1] and (seen[1, sizes[1] :] == 0.0).all(), "a car senses less than an arm"


def test_scenes_that_cannot_be_played_are_refused_in_one_line() -> None:
    with pytest.raises(SpecError, match=r"tray: kind 'arm' has no room for one; allowed: 'diffdrive'"):
        RobotSpec.parse({"name": "arm", "kind": "arm", "tray": True})
    spec = FAMILY.spec(3).model_dump()
    loader, car, unloader = spec["robots"]
    with pytest.raises(SpecError, match=r"^robots.car_1.tray: False; allowed: True$"):
        FleetEnv(TaskSpec.parse({**spec, "robots": [loader, {**car, "tray": False}, unloader]}))
    with pytest.raises(SpecError, match=r"^robots.car_1.kind: diffdrive; allowed: arm, since 3 robots are 1 loading"):
        FleetEnv(TaskSpec.parse({**spec, "robots": [car, loader, unloader]}))
    bin_, stop = spec["pads"]
    with pytest.raises(SpecError, match=r"^pads.red: 0.80 m from unloader_1; allowed: 0.22 to 0.62 m$"):
        FleetEnv(TaskSpec.parse({**spec, "pads": [{**bin_, "x": 0.0, "y": 0.0}, stop]}))
    far = {**car, "spawn": {"x": 0.0, "y": 0.42, "yaw": 0.0}}
    with pytest.raises(SpecError, match=r"^robots.car_1.spawn: 0.90 m from loader_1; allowed: 0.22 to 0.62 m$"):
        FleetEnv(TaskSpec.parse({**spec, "robots": [loader, far, unloader]}))
