"""`grasp-place`: what counts as placed, where things lie, what is seen and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import KINDS, SpecError, TaskSpec
from metabot_sim import rng
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import DRIVE_GAIN, EpisodeBatch
from metabot_sim.families.grasp_place import FAMILY, GraspPlaceRules


def environment(sims: int = 1, robots: int = 1, **more: object) -> FleetEnv:
    env = FleetEnv("grasp-place", sims, robots=robots, autoreset=Autoreset.DISABLED, **more)  # type: ignore[arg-type]
    env.reset(seed=0)
    return env


def rules_of(env: FleetEnv) -> GraspPlaceRules:
    assert isinstance(env.rules, GraspPlaceRules)
    return env.rules


def put(env: FleetEnv, thing: int, x: float, y: float, z: float | None = None) -> None:
    """Lay an object of simulation 0 somewhere, at rest."""
    height = rules_of(env).sizes[0, thing] / 2 if z is None else z
    env.world.qpos[0, env.world._object_pos[thing]] = [x, y, height, 1, 0, 0, 0]
    env.world.qvel[0, env.world._object_vel[thing]] = 0.0


def wait(env: FleetEnv, steps: int = 3) -> bool:
    for _ in range(steps):
        done = env.step(np.zeros((env.num_sims, env.num_robots, 5)))
    return bool(done.success[0, 0])


def test_the_expert_solves_it_and_stays_successful() -> None:
    env = environment(12, split="held-out")
    ever = np.zeros((12, 1), dtype=bool)
    for _ in range(env.horizon):
        done = env.step(env.expert())
        ever |= done.arrived
    assert done.success.mean() >= 0.9 and np.array_equal(done.success, ever)


def test_an_expert_that_is_told_other_dynamics_fails() -> None:
    env = environment(4)
    for _ in range(100):
        truth = env.episodes.robot_dynamics.copy()
        env.episodes.robot_dynamics[..., DRIVE_GAIN] *= -1.0
        actions = env.expert()
        env.episodes.robot_dynamics[...] = truth
        done = env.step(actions)
    assert not done.success.any()


def test_placed_is_what_lies_in_the_bin() -> None:
    env = environment()
    named, (x, y) = rules_of(env)._named[0, 0], env.world.goals[0, 0]
    assert not wait(env)
    put(env, named, x, y)
    assert wait(env)


@pytest.mark.parametrize("case", ["beside the bin", "another object", "others lie there too", "still falling"])
def test_what_does_not_count_as_placed(case: str) -> None:
    env = environment()
    rules = rules_of(env)
    named, others, (x, y) = rules._named[0, 0], rules._others[0, 0], env.world.goals[0, 0]
    radius = env.spec.success.radius_m
    if case == "beside the bin":
        put(env, named, x + radius + 0.01, y)
    elif case == "another object":
        put(env, others[0], x, y)
    elif case == "others lie there too":
        put(env, named, x - 0.04, y)
        put(env, others[1], x + 0.04, y)
    else:
        put(env, named, x, y, z=0.5)
    assert not wait(env)


def test_what_is_still_in_the_hand_is_not_placed() -> None:
    env = environment(8)
    rules, seen = rules_of(env), 0
    for _ in range(110):
        actions = env.expert()
        actions[..., 4] = np.where(rules._held, -1.0, actions[..., 4])
        done = env.step(actions)
        seen += int((rules.pick(rules._in_bin & rules.lying(), rules._named) & rules._held).sum())
        assert not done.success.any()
    assert seen > 100


@pytest.mark.parametrize("robots", [1, 10])
def test_everything_starts_in_reach_and_apart(robots: int) -> None:
    spec = FAMILY.spec(robots)
    batch = FAMILY.draw(spec, "train", np.arange(300), np.arange(300))
    bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in spec.robots])
    points = np.concatenate([batch.pads[:, :, None], batch.objects[..., :2].reshape(300, robots, 3, 2)], axis=2)
    reach = np.linalg.norm(points - bases[:, None], axis=-1)
    near, far = KINDS["arm"].reach_m or (0, 0)
    assert reach.min() > near and reach.max() < far
    apart = np.linalg.norm(points[:, :, :, None] - points[:, :, None], axis=-1)
    for i in range(4):
        for j in range(i):
            assert apart[:, :, i, j].min() > (0.17 if j == 0 else 0.13) - 1e-9
    assert (np.sort(batch.object_targets.reshape(300, robots, 3), axis=-1)[..., :2] == -1).all()


def test_an_episodes_places_do_not_depend_on_the_others_drawn_with_it() -> None:
    spec = FAMILY.spec(2)
    alone = EpisodeBatch.of(spec, 1)
    many = EpisodeBatch.of(spec, 9)
    keys = rng.keys(np.arange(9))
    FAMILY.draw_places(rng.Draws(keys), many, spec)
    FAMILY.draw_places(rng.Draws(keys[5:6]), alone, spec)
    assert np.array_equal(many.objects[5:6], alone.objects) and np.array_equal(many.pads[5:6], alone.pads)


def test_the_target_is_seen_from_the_fingertips_in_the_bases_frame() -> None:
    spec = FAMILY.sample(3, robots=1).model_dump()
    spec["robots"][0]["spawn"]["yaw"] = np.pi / 2
    target = next(thing for thing in spec["objects"] if thing["goal"])
    env = FleetEnv(TaskSpec.parse(spec), 1)
    seen = dict(zip(env.observation_names[0], env.reset(seed=0)[0, 0], strict=True))
    tip = env.world.positions()[0, 0]
    ahead, left = target["pose"]["y"] - tip[1], -(target["pose"]["x"] - tip[0])
    assert seen["target_x"] * 0.5 == pytest.approx(ahead, abs=1e-3)
    assert seen["target_y"] * 0.5 == pytest.approx(left, abs=1e-3)
    assert seen[f"target_is_{target['shape']}"] == 1.0
    assert seen["target_is_box"] + seen["target_is_cylinder"] + seen["target_is_ball"] == 1.0


def test_scenes_that_cannot_be_played_are_refused_in_one_line() -> None:
    spec = FAMILY.spec(1).model_dump()
    far = {**spec, "objects": [*spec["objects"][:2], {**spec["objects"][2], "pose": {"x": 0.9, "y": 0.0}}]}
    with pytest.raises(SpecError, match=r"^objects\.ball_1\.pose: \(0\.9, 0\) is out of reach; allowed: 0\.22 to"):
        FleetEnv(TaskSpec.parse(far), 1)
    more = {**spec, "objects": [*spec["objects"], {**spec["objects"][2], "name": "another"}]}
    with pytest.raises(SpecError, match=r"^objects: 4; allowed: 3 for each of 1 arms"):
        FleetEnv(TaskSpec.parse(more), 1)
    nothing = {**spec, "objects": [{**thing, "goal": None} for thing in spec["objects"]]}
    with pytest.raises(SpecError, match=r"^robots\.arm_1\.goal: yellow; allowed: the goal of exactly one of box_1 to"):
        FleetEnv(TaskSpec.parse(nothing), 1)
