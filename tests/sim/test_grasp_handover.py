"""`grasp-handover`: it takes both arms, each in its own reach."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.experts.grasp import Aim, steer
from metabot_sim.families.grasp_handover import FAMILY, GraspHandoverRules
from metabot_sim.robots.arm import REACH_M, STEP_M


def environment(sims: int = 1) -> tuple[FleetEnv, GraspHandoverRules]:
    env = FleetEnv("grasp-handover", sims, autoreset=Autoreset.DISABLED)
    env.reset(seed=0)
    assert isinstance(env.rules, GraspHandoverRules)
    return env, env.rules


def put(env: FleetEnv, x: float, y: float, above_m: float = 0.0) -> None:
    """Put the object of simulation 0 somewhere, at rest."""
    env.world.qpos[0, env.world._object_pos[0]] = [x, y, env.rules.sizes[0, 0] / 2 + above_m, 1, 0, 0, 0]
    env.world.qvel[0] = 0.0


def idle(env: FleetEnv, steps: int = 3) -> list[bool]:
    for _ in range(steps):
        done = env.step(np.zeros((env.num_sims, 2, 5)))
    return done.success[0].tolist()


@pytest.mark.parametrize(
    ("aside_m", "above_m", "success"), [(0.0, 0.0, True), (0.1, 0.0, False), (0.0, 0.3, False)], ids=str
)
def test_both_succeed_when_the_object_lies_in_the_bin_and_not_beside_or_above_it(aside_m, above_m, success) -> None:
    env, _ = environment()
    x, y = env.episodes.pads[0, 0]
    put(env, x + aside_m, y, above_m)
    assert idle(env) == [success, success]


def test_what_a_hand_holds_in_the_bin_is_not_yet_there() -> None:
    env, rules = environment()
    while not rules._held[0, 0]:
        env.step(env.expert())
    still = np.zeros((1, 2, 5))
    still[:, :, 4] = -1.0
    for _ in range(5):
        env.episodes.pads[0, 0] = rules.centres[0, 0, :2]
        done = env.step(still)
        assert rules.lying()[0, 0] and not done.success.any()
    still[:, :, 4] = 1.0
    for _ in range(10):
        done = env.step(still)
    assert done.success.all()


@pytest.mark.parametrize("lazy", [0, 1])
def test_with_one_arm_idle_the_other_never_succeeds(lazy: int) -> None:
    env, rules = environment(4)
    start = rules.centres[:, 0].copy()
    for _ in range(200):
        actions = env.expert()
        actions[:, lazy] = 0.0
        assert not env.step(actions).success.any()
    moved = np.linalg.norm(rules.centres[:, 0, :2] - start[:, :2], axis=-1)
    if lazy == 1:
        assert np.abs(rules.centres[:, 0, :2]).max() < 0.05, "the first arm has brought it to the middle"
    else:
        assert moved.max() < 0.01


def test_neither_arm_gets_to_what_is_the_others() -> None:
    env, rules = environment(16)
    bins = np.concatenate([env.episodes.pads[:, 0], np.full((16, 1), 0.05)], axis=-1)
    # Each goes as near as it can to the place of the other's.
    aims = np.stack([bins, rules.centres[:, 0]], axis=1)
    nearest = np.full((16, 2), np.inf)
    for _ in range(60):
        aim = Aim(aims, rules.arm.yaws(), np.ones((16, 2)), np.full((16, 2), STEP_M))
        env.step(steer(rules.arm, aim, env.episodes.robot_dynamics))
        nearest = np.minimum(nearest, np.linalg.norm((aims - rules.tips)[..., :2], axis=-1))
    assert nearest[:, 0].min() > env.spec.success.radius_m + 0.02
    assert nearest[:, 1].min() > 0.1


def test_object_and_bin_are_drawn_before_their_own_arm_out_of_the_others_reach() -> None:
    batch = FAMILY.draw(FAMILY.spec(), "test", np.arange(500), np.arange(500))
    bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in FAMILY.spec().robots])
    for mine, place in enumerate((batch.objects[:, 0, :2], batch.pads[:, 0])):
        own, other = (np.linalg.norm(place - bases[arm], axis=-1) for arm in (mine, 1 - mine))
        assert own.min() > REACH_M[0] and own.max() < REACH_M[1] - 0.05
        assert other.min() > REACH_M[1] + FAMILY.spec().success.radius_m + 0.02
    assert np.linalg.norm(bases, axis=-1).max() < REACH_M[1] - 0.1, "both reach the middle"


def test_scenes_where_an_arm_could_do_it_alone_are_refused_in_one_line() -> None:
    spec = FAMILY.spec().model_dump()
    near = {**spec, "objects": [{**spec["objects"][0], "pose": {"x": 0.0, "y": 0.0, "yaw": 0.0}}]}
    with pytest.raises(
        SpecError, match=r"^objects.box.pose: \(0, 0\) is 0.47 m from arm_1 and 0.47 m from arm_2; allo"
    ):
        FleetEnv(TaskSpec.parse(near))
    near = {**spec, "pads": [{"color": "green", "x": 0.1, "y": 0.3}]}
    with pytest.raises(
        SpecError, match=r"^pads.green: .* allowed: 0.22 to 0.62 m from arm_2, above 0.72 m from arm_1$"
    ):
        FleetEnv(TaskSpec.parse(near))
