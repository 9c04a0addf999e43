"""`arm-reach`: what counts as held, where points are, what is seen and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from metabot.task import RobotDynamics, SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.arm_reach import FAMILY, ArmReachRules
from metabot_sim.robots.arm import HOME_M, MJCF, tool


def started(sims: int = 2, robots: int = 1, **more: object) -> FleetEnv:
    env = FleetEnv("arm-reach", sims, robots=robots, autoreset=Autoreset.DISABLED, **more)  # type: ignore[arg-type]
    env.reset(seed=0)
    return env


def to_points(env: FleetEnv, offset: np.ndarray) -> None:
    """Put points so far from where the tips are."""
    where = env.world.positions() + offset
    env.episodes.pads[...], env.episodes.pad_heights[...] = where[..., :2], where[..., 2]


def test_a_tip_has_to_stay_near_its_point_for_as_long_as_is_wanted() -> None:
    env = started()
    steps, still = round(env.spec.success.hold_s * env.spec.control_hz), np.zeros((2, 1, 5))
    near, far = np.array([0.02, 0.0, 0.02]), np.array([0.02, 0.0, 0.03])
    offset = np.array([[near], [far]])
    to_points(env, offset)
    for step in range(1, steps + 1):
        done = env.step(still)
        assert done.success[:, 0].tolist() == [step == steps, False]
        assert done.arrived[:, 0].tolist() == [step == steps, False]
    assert done.terminated.tolist() == [True, False]


def test_who_leaves_begins_to_count_anew() -> None:
    env = started(1)
    rules, steps = env.rules, round(env.spec.success.hold_s * env.spec.control_hz)
    assert isinstance(rules, ArmReachRules)
    for away in [0.0] * (steps - 1) + [0.05] + [0.0] * (steps - 1):
        to_points(env, np.array([away, 0.0, 0.0]))
        assert not rules.advance(np.zeros((1, 1, 5))).success.any()
    to_points(env, np.zeros(3))
    assert rules.advance(np.zeros((1, 1, 5))).success.all()


def test_one_that_is_there_waits_for_the_other_and_only_then_it_ends() -> None:
    env = started(1, robots=2)
    to_points(env, np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]]))
    for _ in range(20):
        done = env.step(np.zeros((1, 2, 5)))
    assert done.success[0].tolist() == [True, False] and not done.terminated[0]


def test_progress_is_metres_nearer_to_the_point() -> None:
    env = started(1)
    before = env.rules._distances()  # type: ignore[attr-defined]
    step = env.rules.advance(env.world.step(env.expert()))
    after = env.rules._distances()  # type: ignore[attr-defined]
    assert step.approach_m == pytest.approx(before - after) and (before > after).all()


def test_points_are_within_reach_and_never_where_a_tip_begins() -> None:
    spec, numbers = FAMILY.spec(4), np.arange(500)
    drawn = FAMILY.draw(spec, "test", numbers, numbers)
    bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in spec.robots])
    offset = drawn.pads - bases
    radius, bearing = np.hypot(*np.moveaxis(offset, -1, 0)), np.arctan2(offset[..., 1], offset[..., 0])
    heights = drawn.pad_heights
    for values, (low, high) in (
        (radius, tool.RADIUS_M),
        (bearing, tool.BEARING_RAD),
        (heights, tool.HEIGHT_M),
    ):
        assert low <= values.min() < low + 0.1 * (high - low) and high >= values.max() > high - 0.1 * (high - low)
    points = np.concatenate([offset, heights[..., None]], axis=-1)
    for start in (HOME_M, tool.ABOVE_M):
        assert np.linalg.norm(points - np.array(start), axis=-1).min() > 2.0 * spec.success.radius_m


def test_the_point_is_seen_from_the_tip_in_the_frame_of_the_base() -> None:
    spec = FAMILY.spec(1)
    robot = spec.robots[0]
    turned = robot.model_copy(update={"spawn": robot.spawn.model_copy(update={"yaw": np.pi / 2})})
    pad = spec.pads[0].model_copy(update={"x": -0.2, "y": 0.5, "z": 0.1})
    env = FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": [turned], "pads": [pad]}), 1)
    seen = env.reset(seed=0)[0, 0]
    # The base looks along y: 0.5 m ahead of it, 0.2 m to its left.
    assert env.observation_names[0][:3] == ("target_x", "target_y", "target_z")
    assert seen[:3] * 0.5 == pytest.approx([0.5 - HOME_M[0], 0.2 - HOME_M[1], 0.1 - HOME_M[2]], abs=2e-3)


def test_commands_go_astray_by_the_hidden_frame() -> None:
    moved = []
    for dynamics in (RobotDynamics(), RobotDynamics(steer_bias=np.pi / 2), RobotDynamics(frame_pitch=0.5)):
        env = FleetEnv(FAMILY.spec(1).with_dynamics([dynamics]), 1)
        env.reset(seed=0)
        start = env.world.positions().copy()
        for _ in range(4):
            env.step(np.array([[[0.5, 0.0, 0.0, 0.0, 0.0]]]))
        for _ in range(20):
            env.step(np.zeros((1, 1, 5)))
        moved.append((env.world.positions() - start)[0, 0])
    assert moved[0] == pytest.approx([0.06, 0.0, 0.0], abs=5e-3)
    assert moved[1] == pytest.approx([0.0, 0.06, 0.0], abs=5e-3)
    assert moved[2] == pytest.approx([0.06 * np.cos(0.5), 0.0, -0.06 * np.sin(0.5)], abs=5e-3)


def test_what_nobody_reaches_is_refused() -> None:
    spec = FAMILY.spec(1).model_dump()
    for pad, said in (
        ({"z": 0.4}, r"^pads.red.z: 0.4; allowed for arm_1: 0.012 to 0.34$"),
        ({"z": 0.0}, r"^pads.red.z: 0; allowed for arm_1: "),
        ({"x": 0.8}, r"pads.red: 0.84 m from arm_1 that is sent there; allowed: 0.22 to 0.62 m"),
    ):
        with pytest.raises(SpecError, match=said):
            FAMILY.check(TaskSpec.parse({**spec, "pads": [{**spec["pads"][0], **pad}]}))
    thing = {"name": "box", "color": "blue", "pose": {"x": 0.5, "y": 0.0}}
    with pytest.raises(SpecError, match=r"^objects: 1, but nothing is grasped in arm-reach; allowed: 0$"):
        FAMILY.check(TaskSpec.parse({**spec, "objects": [thing]}))


def test_a_file_is_tried_where_points_are(tmp_path: Path) -> None:
    spec = FAMILY.spec(1).model_dump()

    def arm(xml: str, pad: dict[str, float] | None = None) -> TaskSpec:
        path = tmp_path / "arm.xml"
        path.write_text(xml)
        robots = [{**spec["robots"][0], "mjcf": str(path)}]
        return TaskSpec.parse({**spec, "robots": robots, "pads": [{**spec["pads"][0], **(pad or {})}]})

    own = MJCF.read_text()
    FAMILY.check(arm(own))
    with pytest.raises(SpecError, match=r"^pads.red: 0.39 m from arm_1; allowed for arms from files: 0.44 to 0.6 m$"):
        FAMILY.check(arm(own, {"x": 0.3}))
    with pytest.raises(SpecError, match=r"^pads.red.z: 0.35; allowed for arm_1: 0.14 to 0.3$"):
        FAMILY.check(arm(own, {"z": 0.35}))
    # Its waist turns by 0.9 rad, enough for what is grasped.
    stiff = re.sub(r'(name="waist"[^>]*range=)"[^"]*"', r'\1"-0.9 0.9"', own)
    stiff = re.sub(r'(<position name="waist"[^>]*ctrlrange=)"[^"]*"', r'\1"-0.9 0.9"', stiff)
    assert stiff != own
    with pytest.raises(SpecError, match=r"^robots.arm_1.mjcf: .* cannot point down at \(0.12, -0.42, 0.14\) m "):
        FAMILY.check(arm(stiff))
