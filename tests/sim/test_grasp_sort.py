"""`grasp-sort`: nobody can do it alone, all succeed together."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import KINDS, SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.grasp_sort import FAMILY, GraspSortRules


def environment(sims: int = 1, robots: int = 2, **more: object) -> FleetEnv:
    env = FleetEnv("grasp-sort", sims, robots=robots, autoreset=Autoreset.DISABLED, **more)  # type: ignore[arg-type]
    env.reset(seed=0)
    return env


def lay_out(env: FleetEnv, pads: list[int]) -> None:
    """Lay the objects of simulation 0 on pads, side by side, at rest."""
    assert isinstance(env.rules, GraspSortRules)
    for thing, pad in enumerate(pads):
        x, y = env.episodes.pads[0, pad]
        pose = [x + (0.06 if thing % 2 else -0.06), y, env.rules.sizes[0, thing] / 2, 1, 0, 0, 0]
        env.world.qpos[0, env.world._object_pos[thing]] = pose
    env.world.qvel[0] = 0.0


def idle(env: FleetEnv, steps: int = 3) -> np.ndarray:
    for _ in range(steps):
        done = env.step(np.zeros((env.num_sims, env.num_robots, 5)))
    return done.success[0]


def test_all_succeed_when_every_object_lies_on_the_pad_of_its_colour() -> None:
    env = environment()
    lay_out(env, [0, 0, 1, 1])
    assert idle(env).tolist() == [True, True]


@pytest.mark.parametrize("pads", [[0, 0, 1, 0], [1, 1, 0, 0]])
def test_a_wrong_pad_does_not_count(pads: list[int]) -> None:
    env = environment()
    lay_out(env, pads)
    assert idle(env).tolist() == [False, False]


def test_one_expert_alone_makes_its_points_and_succeeds_at_nothing() -> None:
    env = environment(4)
    points = np.zeros((4, 2))
    for _ in range(200):
        actions = env.expert()
        actions[:, 1] = 0.0
        done = env.rules.advance(env.world.step(actions))
        points += done.scored
        assert not done.success.any()
    assert np.all(points[:, 1] == 0.0) and points[:, 0].mean() > 1.4


@pytest.mark.parametrize("robots", [2, 3, 5, 8])
def test_each_object_starts_before_an_arm_that_reaches_it_and_its_pad(robots: int) -> None:
    spec = FAMILY.spec(robots)
    batch = FAMILY.draw(spec, "train", np.arange(200), np.arange(200))
    bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in spec.robots])
    near, far = KINDS["arm"].reach_m or (0, 0)
    for thing in range(2 * robots):
        arm = (thing // 2 + thing % 2) % robots
        away = np.linalg.norm(batch.objects[:, thing, :2][:, None] - bases, axis=-1)
        assert away[:, arm].min() > near and away[:, arm].max() < far
        assert (np.delete(away, arm, axis=1) - away[:, arm : arm + 1]).min() > 0.1
        pad = batch.pads[0, thing // 2]
        assert near < np.linalg.norm(pad - bases[arm]) < far
        assert np.linalg.norm(batch.objects[:, thing, :2] - pad, axis=-1).min() > 0.15
    apart = np.linalg.norm(batch.objects[:, :, None, :2] - batch.objects[:, None, :, :2], axis=-1)
    assert (apart + np.eye(2 * robots)).min() > 0.1


def test_scenes_that_cannot_be_played_are_refused_in_one_line() -> None:
    spec = FAMILY.spec(2).model_dump()
    with pytest.raises(SpecError, match=r"^objects: 5 and 2 pads for 2 arms; allowed: a pad for each arm"):
        FleetEnv(TaskSpec.parse({**spec, "objects": [*spec["objects"], {**spec["objects"][0], "name": "more"}]}), 1)
    other = {**spec["objects"][0], "goal": "green"}
    with pytest.raises(SpecError, match=r"^objects\.box_1\.goal: green; allowed: red"):
        FleetEnv(TaskSpec.parse({**spec, "objects": [other, *spec["objects"][1:]]}), 1)
