"""`grasp-carry`: the bar needs both ends held, and comes to rest on both posts."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.experts.grasp import Aim, steer
from metabot_sim.families.grasp_carry import FAMILY, GraspCarryRules
from metabot_sim.robots.arm import HOME_M, REACH_M


def environment(sims: int = 1) -> tuple[FleetEnv, GraspCarryRules]:
    env = FleetEnv("grasp-carry", sims, autoreset=Autoreset.DISABLED)
    env.reset(seed=0)
    assert isinstance(env.rules, GraspCarryRules)
    return env, env.rules


def lay_across(env: FleetEnv, aside_m: float = 0.0, height_m: float | None = None, askew_rad: float = 0.0) -> None:
    """Lay the bars over their posts, `aside_m` away from them, at another height, or turned about the first post."""
    pads = env.episodes.pads
    along = pads[:, 1] - pads[:, 0]
    yaw = np.arctan2(along[:, 1], along[:, 0])
    pose = np.zeros((env.num_sims, 7))
    yaw = yaw + askew_rad
    pose[:, :2] = pads[:, 0] + 0.28 * np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    pose[:, :2] += aside_m * np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
    pose[:, 2] = (env.spec.pads[0].z + 0.004 if height_m is None else height_m) + 0.02
    pose[:, 3], pose[:, 6] = np.cos(yaw / 2), np.sin(yaw / 2)
    env.world.qpos[:, env.world._object_pos[0]] = pose
    env.world.qvel[:] = 0.0


def idle(env: FleetEnv, steps: int = 10) -> np.ndarray:
    for _ in range(steps):
        done = env.step(np.zeros((env.num_sims, 2, 5)))
    return done.success


def test_a_bar_at_rest_across_both_posts_is_a_success_wherever_they_stand() -> None:
    env, rules = environment(4)
    assert np.abs(env.episodes.pads[0] - env.episodes.pads[1]).max() > 0.05
    lay_across(env)
    assert idle(env).all()
    assert rules.centres[:, 0, 2] == pytest.approx(0.10, abs=0.006), "the posts hold it up"


def test_beside_the_posts_or_askew_on_them_is_none() -> None:
    env, rules = environment(4)
    lay_across(env, aside_m=0.12, height_m=0.0)
    assert not idle(env).any()
    lay_across(env, askew_rad=0.11)
    assert not idle(env).any()
    assert rules.centres[:, 0, 2] == pytest.approx(0.10, abs=0.006), "it rests on both, but far out on the second"


@pytest.mark.parametrize("lazy", [0, 1])
def test_with_one_arm_idle_the_expert_never_succeeds(lazy: int) -> None:
    env, _ = environment(4)
    for _ in range(env.horizon):
        actions = env.expert()
        actions[:, lazy] = 0.0
        assert not env.step(actions).success.any()


def test_both_arms_lift_the_bar_level() -> None:
    env, rules = environment(4)
    highest = np.zeros(4)
    for _ in range(50):
        env.step(env.expert())
        highest = np.maximum(highest, rules.centres[:, 0, 2])
        assert np.abs(rules._ends[..., 2]).max() < 0.1
    assert highest.min() > 0.14


def test_one_arm_alone_lifts_its_end_and_the_other_one_stays_on_the_floor() -> None:
    env, rules = environment(4)
    arm, dynamics = rules.arm, env.episodes.robot_dynamics
    # As near to the middle as its reach allows: there the bar is the least lever.
    base, tries = arm.bases[0, :2], np.linspace(0.05, 0.44, 80)
    spots = rules.centres[:, :1, :2] + tries[:, None] * rules._ends[:, :1, :2]
    along = tries[(np.linalg.norm(spots - base, axis=-1) < REACH_M[1] - 0.015).argmax(axis=-1)]
    assert along.max() < 0.3
    aims = np.zeros((4, 2, 3))
    aims[:, 1] = arm.from_base(np.broadcast_to(HOME_M, (4, 2, 3)))[:, 1] + [arm.bases[1, 0], 0.0, 0.0]
    yaws = np.arctan2(rules._ends[:, ::-1, 1], rules._ends[:, ::-1, 0])
    near, far = np.zeros(4), np.zeros(4)
    for step in range(140):
        if step < 70:
            aims[:, 0] = rules.centres[:, 0] + along[:, None] * rules._ends[:, 0]
        aims[:, 0, 2] = 0.15 if step < 40 else 0.02 if step < 70 else 0.30
        grips = np.where(step < 60, 1.0, np.array([-1.0, 1.0]))
        aim = Aim(aims, yaws, np.broadcast_to(grips, (4, 2)), np.full((4, 2), 0.02))
        assert not env.step(steer(arm, aim, dynamics)).success.any()
        if step > 70:
            ends = rules.centres + 0.45 * rules._ends
            near, far = np.maximum(near, ends[:, 0, 2]), np.maximum(far, ends[:, 1, 2])
    assert np.median(near) > 0.2, "its own end comes up"
    assert far.max() < 0.05, "the other one does not"


def test_each_arm_reaches_its_end_and_its_post_and_not_the_middle() -> None:
    batch = FAMILY.draw(FAMILY.spec(), "test", np.arange(500), np.arange(500))
    x, y, yaw = np.moveaxis(batch.objects[:, 0], -1, 0)
    axis = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    for i, robot in enumerate(FAMILY.spec().robots):
        base, side = np.array([robot.spawn.x, robot.spawn.y]), (-1.0, 1.0)[i]
        middle = np.stack([x, y], axis=-1) - base
        assert np.linalg.norm(middle, axis=-1).min() > REACH_M[1] + 0.1
        for place in (middle + side * 0.38 * axis, batch.pads[:, i] - base):
            assert np.linalg.norm(place, axis=-1).max() < REACH_M[1] - 0.02
        normal = np.stack([-axis[:, 1], axis[:, 0]], axis=-1)
        beside = np.abs(((batch.pads[:, i] - batch.objects[:, 0, :2]) * normal).sum(axis=-1))
        assert beside.min() > 0.075, "the bar does not start in a post"


def test_a_drawn_task_keeps_its_posts() -> None:
    drawn = FAMILY.sample(3)
    assert all(pad.solid and pad.z == 0.08 for pad in drawn.pads)


def test_scenes_that_cannot_be_played_are_refused_in_one_line() -> None:
    spec = FAMILY.spec().model_dump()
    flat = [{**pad, "solid": False} for pad in spec["pads"]]
    with pytest.raises(SpecError, match=r"^pads.green: no post; allowed: solid, with z above 0$"):
        FleetEnv(TaskSpec.parse({**spec, "pads": flat}))
    with pytest.raises(SpecError, match=r"^objects.bar: a bar of length 0.3 m; allowed: a bar of at least 0.76 m$"):
        FleetEnv(TaskSpec.parse({**spec, "objects": [{**spec["objects"][0], "length_m": 0.3}]}))
    near = {**spec["objects"][0], "pose": {"x": -0.3, "y": 0.0, "yaw": 0.0}}
    with pytest.raises(SpecError, match=r"^objects.bar.pose: 0.50 m from arm_1; allowed: 0.64 to 1.02 m, where it rea"):
        FleetEnv(TaskSpec.parse({**spec, "objects": [near]}))
    same = [
        {**robot, "goal": "green", "spawn": {**robot["spawn"], "x": x}}
        for robot, x in zip(spec["robots"], (-0.6, 0.1), strict=True)
    ]
    with pytest.raises(SpecError, match=r"^robots.arm_2.goal: green as that of arm_1; allowed: a post each$"):
        FleetEnv(TaskSpec.parse({**spec, "robots": same}))
