"""`grasp-race`: who wins, when it is over, and that nobody can rob a bin."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv, Transition
from metabot_sim.families.grasp_race import FAMILY, GraspRaceRules
from metabot_sim.robots.arm import REACH_M


def environment(sims: int = 1, robots: int = 2, **more: object) -> FleetEnv:
    env = FleetEnv("grasp-race", sims, robots=robots, autoreset=Autoreset.DISABLED, **more)  # type: ignore[arg-type]
    env.reset(seed=0)
    return env


def short() -> FleetEnv:
    """One second at nominal places."""
    env = FleetEnv(FAMILY.spec(2).model_copy(update={"horizon_s": 1.0}), 1, autoreset=Autoreset.DISABLED)
    env.reset(seed=0)
    return env


def fill(env: FleetEnv, bins: list[int]) -> None:
    """Lay the first objects of simulation 0 into the bins of these robots."""
    assert isinstance(env.rules, GraspRaceRules)
    for thing, robot in enumerate(bins):
        x, y = env.world.goals[0, robot]
        angle = 2 * np.pi * thing / 5
        pose = [x + 0.07 * np.cos(angle), y + 0.07 * np.sin(angle), env.rules.sizes[0, thing] / 2, 1, 0, 0, 0]
        env.world.qpos[0, env.world._object_pos[thing]] = pose
    env.world.qvel[0] = 0.0


def idle(env: FleetEnv) -> Transition:
    return env.step(np.zeros((env.num_sims, env.num_robots, 5)))


def test_two_experts_share_out_the_objects_without_waiting_for_each_other_for_ever() -> None:
    env = environment(4)
    for _ in range(320):
        done = env.step(env.expert())
    assert done.success.any(axis=1).mean() >= 0.7 and not done.success.all(axis=1).any()


def test_more_than_half_decides_at_once() -> None:
    env = environment()
    fill(env, [1, 1, 1])
    done = idle(env)
    assert done.terminated[0] and done.success[0].tolist() == [False, True]


def test_until_time_is_up_a_lead_is_no_win() -> None:
    env = short()
    fill(env, [0, 0, 1])
    for left in reversed(range(env.horizon)):
        done = idle(env)
        assert done.success[0].tolist() == [left == 0, False]
    assert done.truncated[0]


def test_a_tie_has_no_winner() -> None:
    env = short()
    fill(env, [0, 1])
    for _ in range(env.horizon):
        done = idle(env)
    assert done.truncated[0] and not done.success.any()


def test_points_are_what_came_into_the_own_bin() -> None:
    env = environment()
    fill(env, [0, 1, 1])
    assert env.rules.advance(env.world.step(np.zeros((1, 2, 5)))).scored.tolist() == [[1.0, 2.0]]
    env.world.qpos[0, env.world._object_pos[1, :2]] = 0.0
    assert env.rules.advance(env.world.step(np.zeros((1, 2, 5)))).scored.tolist() == [[0.0, -1.0]]


@pytest.mark.parametrize("robots", [2, 3, 4, 5])
def test_every_arm_reaches_its_bin_and_nobody_elses(robots: int) -> None:
    spec = FAMILY.spec(robots)
    bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in spec.robots])
    bins = np.array([(pad.x, pad.y) for pad in spec.pads])
    away = np.linalg.norm(bases[:, None] - bins[None], axis=-1)
    assert np.allclose(np.diag(away), 0.4)
    assert (away + np.eye(robots)).min() > REACH_M[1]


def test_an_object_that_nobody_reaches_is_refused() -> None:
    spec = FAMILY.spec(2).model_dump()
    spec["objects"][1]["pose"] = {"x": 0.0, "y": 1.0}
    with pytest.raises(
        SpecError, match=r"^objects\.cylinder_2\.pose: \(0, 1\) is out of reach; allowed: 0\.22 to 0\.62 m"
    ):
        FleetEnv(TaskSpec.parse(spec), 1)
