"""The six-joint arm: its Jacobian, what its commands mean, what it holds."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from metabot.task import ObjectSpec, Pose, RobotDynamics, RobotSpec, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import DEAD, DRIVE_GAIN, GRIPPER, PAYLOAD, STEER_BIAS, STEER_GAIN
from metabot_sim.robots.arm import HEIGHT_M, HOME_M, JOINTS, REACH_M, STEP_M, STEP_RAD, Arm, kinematics

BASES = ((-1.0, 0.0, 0.3), (1.0, 0.5, -2.5))


def scene(bases: tuple[tuple[float, float, float], ...] = BASES, **more: object) -> TaskSpec:
    robots = tuple(
        RobotSpec(name=f"arm_{i + 1}", kind="arm", spawn=Pose(x=x, y=y, yaw=yaw)) for i, (x, y, yaw) in enumerate(bases)
    )
    return TaskSpec.parse({"family": "grasp-place", "robots": robots, "control_hz": 25, **more})


def arms(world: BatchedWorld) -> Arm:
    group = world.group("arm")
    assert isinstance(group, Arm)
    return group


def local_tips(world: BatchedWorld) -> np.ndarray:
    return arms(world).to_base(arms(world).positions())


def test_the_jacobian_is_mujocos() -> None:
    world, rng = BatchedWorld(scene(), 3), np.random.default_rng(0)
    for _ in range(10):
        world.step(rng.uniform(-1, 1, (3, 2, 5)))
    ours = arms(world).jacobian()
    for sim in range(3):
        data = world.data(sim)
        for robot in range(2):
            position, rotation = np.zeros((3, world.model.nv)), np.zeros((3, world.model.nv))
            tip = world.model.site(f"arm_{robot + 1}/tip").id
            mujoco.mj_jacSite(world.model, data, position, rotation, tip)
            dofs = [int(world.model.joint(f"arm_{robot + 1}/{name}").dofadr[0]) for name in JOINTS]
            assert np.allclose(ours[sim, robot], np.vstack([position, rotation])[:, dofs], atol=1e-12)


def test_damped_least_squares_undoes_small_errors() -> None:
    rng = np.random.default_rng(0)
    jacobians = rng.normal(size=(4, 2, 6, 6))
    changes = rng.normal(size=(4, 2, 6)) * 0.01
    errors = np.einsum("abij,abj->abi", jacobians, changes)
    assert np.allclose(kinematics.least_squares(jacobians, errors, 1e-6), changes, atol=1e-6)


def test_an_arm_starts_at_home_and_stays_there_when_told_nothing() -> None:
    world = BatchedWorld(scene(), 2)
    for _ in range(25):
        assert np.allclose(local_tips(world), HOME_M, atol=2e-3)
        world.step(np.zeros((2, 2, 5)))
    assert np.allclose(arms(world).yaws(), [0.3, -2.5], atol=0.01)


def test_commands_mean_what_the_dynamics_say() -> None:
    world = BatchedWorld(scene(), 4)
    dynamics = world.episodes.robot_dynamics
    dynamics[1, :, DRIVE_GAIN], dynamics[2, :, STEER_BIAS], dynamics[3, :, STEER_GAIN] = -0.5, np.pi / 2, -0.5
    yaws = arms(world).yaws()
    for k in range(13):
        world.step(np.tile([1.0, 0.0, 0.5, 1.0, 1.0] if k < 3 else [0.0, 0, 0, 0, 1], (4, 2, 1)))
    moved = (local_tips(world) - HOME_M) / (3 * STEP_M)
    expected = np.array([[1, 0, 0.5], [-0.5, 0, -0.25], [0, 1, 0.5], [1, 0, 0.5]])
    assert np.allclose(moved, expected[:, None], atol=0.03)
    turned = (arms(world).yaws() - yaws) / (3 * STEP_RAD)
    assert np.allclose(turned, np.array([1, 1, 1, -0.5])[:, None], atol=0.05)
    assert np.allclose(arms(world).openings(), 0.08, atol=2e-3)


def test_a_dead_joint_gives_no_force_and_stays_where_the_others_leave_it() -> None:
    world = BatchedWorld(scene(), 3)
    waist = np.array([int(world.model.joint(f"arm_{robot}/waist").qposadr[0]) for robot in (1, 2)])
    motors = arms(world).actuators[:, JOINTS.index("waist")]
    forces = world.batch.bind("actuator_force")
    aside = np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (3, 2, 1))
    for _ in range(8):
        world.step(aside)
    turned = world.qpos[:, waist].copy()
    assert turned.min() > 0.4
    # From now on, in one simulation, and in one of its arms.
    world.episodes.robot_dynamics[1, 0, DEAD] = JOINTS.index("waist")
    for _ in range(25):
        world.step(-aside)
        assert forces[1, motors[0]] == 0.0
    change = world.qpos[:, waist] - turned
    assert abs(change[1, 0]) < 0.2
    assert change[[0, 1, 2], [1, 1, 1]].max() < -0.8 and change[[0, 2], [0, 0]].max() < -0.8
    assert np.array_equal(world.qpos[0], world.qpos[2])
    world.episodes.robot_dynamics[1, 0, DEAD] = -1
    for _ in range(25):
        world.step(-aside)
    assert world.qpos[1, waist[0]] - turned[1, 0] < -0.8


def test_whatever_is_commanded_the_hand_points_down_and_stays_in_the_workspace() -> None:
    world, rng = BatchedWorld(scene(), 8), np.random.default_rng(1)
    arm = arms(world)
    directions = rng.choice([-1.0, 1.0], (8, 2, 5))
    for k in range(60):
        if k % 12 == 0:
            directions = rng.choice([-1.0, 1.0], (8, 2, 5))
        world.step(directions)
        tips = local_tips(world)
        radius = np.hypot(tips[..., 0], tips[..., 1])
        assert radius.min() > REACH_M[0] - 0.03 and radius.max() < REACH_M[1] + 0.03
        assert tips[..., 2].min() > HEIGHT_M[0] - 0.02 and tips[..., 2].max() < HEIGHT_M[1] + 0.03
        upright = world.batch.bind("site_xmat")[:, arm._tips, 8]
        assert upright.min() > 0.95


def test_what_is_not_a_number_acts_as_nothing() -> None:
    world = BatchedWorld(scene(), 1)
    world.step(np.full((1, 2, 5), np.nan))
    assert np.isfinite(world.qpos).all()


def pick_up(gripper: float = 1.0, height_m: float = 0.15, **thing: object) -> tuple[BatchedWorld, list[bool]]:
    """Drive the first arm down on an object 0.4 m ahead of it, shut and lift; tells when it was held."""
    item = ObjectSpec.parse({"name": "thing", "color": "red", "pose": Pose(x=0.4, y=0.0), **thing})
    robot = RobotSpec(name="arm", kind="arm", dynamics=RobotDynamics(gripper=gripper))
    world = BatchedWorld(TaskSpec(family="grasp-place", robots=(robot,), objects=(item,), control_hz=25))
    arm, held = arms(world), []
    for k in range(60):
        z, grip = (0.1, 1.0) if k < 12 else (item.size_m / 2, 1.0) if k < 24 else (item.size_m / 2, -1.0)
        z = height_m if k >= 34 else z
        step = np.array([0.4, 0.0, z]) - arm.set_points()[0, 0]
        world.step(np.array([[[*np.clip(step / STEP_M, -0.6, 0.6), 0.0, grip]]]))
        held.append(bool(arm.holds(world.object_positions()[:, None])[0, 0, 0]))
    return world, held


@pytest.mark.parametrize("shape", ["box", "cylinder", "ball"])
def test_an_object_is_held_from_the_grasp_on_and_comes_up_with_the_hand(shape: str) -> None:
    world, held = pick_up(shape=shape, mass_kg=0.2)
    assert not any(held[:24]) and all(held[30:])
    assert world.object_positions()[0, 0, 2] == pytest.approx(0.15, abs=0.01)


def test_a_gripper_without_force_holds_nothing() -> None:
    world, held = pick_up(gripper=0.0)
    assert not any(held)
    assert world.object_positions()[0, 0, 2] < 0.03


def test_shut_fingers_hold_nothing() -> None:
    _, held = pick_up(pose=Pose(x=0.4, y=0.3))
    assert not any(held)


def test_arms_touch_other_arms_but_not_themselves() -> None:
    world = BatchedWorld(scene(((-0.32, 0.0, 0.0), (0.32, 0.0, np.pi))))
    pairs = set()
    for _ in range(12):
        world.step(np.tile([1.0, 0.0, -0.3, 0.0, -1.0], (1, 2, 1)))
        data = world.data()
        mujoco.mj_forward(world.model, data)
        for contact in data.contact:
            first, second = (world.model.geom(g).name.split("/")[0] for g in (contact.geom1, contact.geom2))
            pairs.add(frozenset((first, second)))
    assert frozenset(("arm_1", "arm_2")) in pairs
    assert not {frozenset(("arm_1",)), frozenset(("arm_2",))} & pairs


def test_payload_hangs_in_the_hand_and_gripper_force_scales() -> None:
    world = BatchedWorld(scene(), 2)
    world.episodes.robot_dynamics[1, 0, PAYLOAD], world.episodes.robot_dynamics[1, 0, GRIPPER] = 0.5, 0.5
    world.reset()
    model, mass, force = world.model, world.batch.expand("body_mass"), world.batch.expand("actuator_forcerange")
    payload, grip = model.body("arm_1/payload").id, model.actuator("arm_1/grip").id
    assert mass[1, payload] - mass[0, payload] == pytest.approx(0.5)
    assert np.allclose(force[1, grip], 0.5 * force[0, grip])
    for _ in range(25):
        world.step(np.zeros((2, 2, 5)))
    sag = local_tips(world)[:, :, 2] - HOME_M[2]
    assert -0.02 < sag[1, 0] < -0.0005 and abs(sag[0, 0]) < 0.0004


@pytest.mark.parametrize("threads", [1, 2])
def test_an_arm_moves_alike_in_any_batch_on_any_threads(threads: int) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (30, 8, 2, 5))

    def run(rows: slice, threads: int) -> np.ndarray:
        world = BatchedWorld(scene(), len(actions[0, rows]), threads=threads)
        seen = []
        for step in actions:
            world.step(step[rows])
            seen.append(np.concatenate([world.qpos, arms(world).proprio().reshape(world.num_sims, -1)], axis=1))
        return np.stack(seen, axis=1)

    assert np.array_equal(run(slice(0, 8), 1)[3:5], run(slice(3, 5), threads))


def test_what_lies_still_sleeps_until_a_hand_or_a_reset_moves_it() -> None:
    item = ObjectSpec.parse({"name": "thing", "color": "red", "pose": Pose(x=0.4, y=0.0)})
    robot = RobotSpec(name="arm", kind="arm")
    world = BatchedWorld(TaskSpec(family="grasp-place", robots=(robot,), objects=(item,), control_hz=25), 2)
    arm, awake = arms(world), world.batch.bind("tree_awake")
    thing = world.model.body_treeid[world.model.body("object:thing").id]
    for _ in range(12):
        world.step(np.tile([0.0, 0.0, 0.0, 0.0, 1.0], (2, 1, 1)))
    assert not awake[:, thing].any() and awake.sum() == 2
    lying = world.object_positions().copy()
    assert np.allclose(lying[:, 0, 2], item.size_m / 2, atol=5e-4)
    # The first hand sweeps over the floor through the place; the second one stays.
    for k in range(40):
        to = (0.25, 0.0, 0.02) if k < 20 else (0.5, 0.0, 0.02)
        step = np.clip((np.array(to) - arm.set_points()[0, 0]) / STEP_M, -0.6, 0.6)
        world.step(np.array([[[*step, 0.0, -1.0]], [[0.0, 0.0, 0.0, 0.0, -1.0]]]))
    moved = np.linalg.norm(world.object_positions() - lying, axis=-1)
    assert moved[0, 0] > 0.05 and moved[1, 0] == 0.0
    world.reset()
    assert np.allclose(world.object_positions()[:, 0, :2], [0.4, 0.0])
