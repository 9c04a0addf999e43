import mujoco
import numpy as np
import pytest

from metabot.demo.faults import FAULTS
from metabot.task import Mission, Pad, Pose, RobotDynamics, RobotSpec, TaskSpec, place
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv

SIMS = 512


def alone(**robot: object) -> TaskSpec:
    return TaskSpec(robots=(RobotSpec(name="robot", goal="red", **robot),), pads=(Pad(color="red", x=1.0, y=0.0),))  # type: ignore[arg-type]


def one_robot(num_sims: int, threads: int = 1) -> FleetEnv:
    return FleetEnv("drive-goal", num_sims, robots=1, threads=threads, autoreset=Autoreset.DISABLED)


def drive(env: FleetEnv, act, dynamics=None) -> np.ndarray:
    env.reset(seed=0)
    if dynamics is not None:
        env.episodes.robot_dynamics[:, 0] = dynamics
    for _ in range(env.horizon):
        step = env.step(act(env))
    return step.success[:, 0]


def expert(env: FleetEnv) -> np.ndarray:
    return env.expert()


def test_the_expert_reaches_the_pad_in_99_percent_of_sampled_tasks() -> None:
    assert drive(one_robot(SIMS, threads=2), expert).mean() >= 0.99


EVERY_FAULT = [(family, fault) for family, faults in FAULTS.items() for fault in faults]


@pytest.mark.parametrize(("family", "fault"), EVERY_FAULT, ids=lambda value: str(value)[:40])
def test_every_fault_of_the_demo_can_be_mastered(family: str, fault: RobotDynamics) -> None:
    env = FleetEnv(family, 64, robots=1, autoreset=Autoreset.DISABLED)
    dynamics = np.tile(fault.as_tuple(), (64, 1))
    assert drive(env, expert, dynamics).mean() >= 0.99


def test_an_idle_policy_never_succeeds() -> None:
    assert drive(one_robot(SIMS), lambda env: np.zeros((SIMS, 1, 2))).mean() == 0.0


def test_a_random_policy_hardly_ever_succeeds() -> None:
    rng = np.random.default_rng(0)
    assert drive(one_robot(SIMS), lambda env: rng.uniform(-1, 1, (SIMS, 1, 2))).mean() < 0.02


def test_an_expert_that_is_told_other_dynamics_fails() -> None:
    def deluded(env: FleetEnv) -> np.ndarray:
        told, truth = env.episodes.robot_dynamics, env.episodes.robot_dynamics.copy()
        told[..., :2] *= -1.0
        command = env.expert()
        told[...] = truth
        return command

    assert drive(one_robot(SIMS), deluded).mean() < 0.05


def test_commands_mean_what_the_dynamics_say() -> None:
    world = BatchedWorld(alone(), 4, walls=False)
    world.episodes.robot_dynamics[:, 0, :3] = [(1, 1, 0), (-1, 1, 0), (1, -1, 0), (1, 1, 0.25)]
    for _ in range(20):
        world.step(np.tile([0.5, 0.2], (4, 1, 1)))
    forward, turn = world.twists()[:, 0].T
    assert np.allclose(forward, [0.5, -0.5, 0.5, 0.5], atol=0.03)
    # Wheels on a floor with friction give way a little when the robot turns.
    assert np.allclose(turn, [0.6, 0.6, -0.6, 1.35], rtol=0.15)


def test_reward_is_progress_plus_success_minus_effort() -> None:
    env = FleetEnv(alone(), 1, autoreset=Autoreset.DISABLED)
    env.reset()
    total, ended = 0.0, False
    for taken in range(1, env.horizon + 1):
        step = env.step(np.array([[[1.0, 0.0]]]))
        total += float(step.rewards[0, 0])
        if step.terminated[0]:
            ended = True
            assert step.success[0, 0] and step.arrived[0, 0]
            assert total == pytest.approx(1.0 - env.world.distances()[0, 0] + 1.0 - 0.01 * taken, abs=1e-5)
        elif ended:
            assert step.rewards[0, 0] == 0.0 and not step.alive[0] and not step.arrived[0, 0]
    assert ended


def test_touching_robots_are_noticed_and_apart_ones_are_not() -> None:
    robots = (
        RobotSpec(name="a", goal="red"),
        RobotSpec(name="b", goal="blue", spawn=Pose(x=1.0, yaw=np.pi)),
        RobotSpec(name="c", goal="green", spawn=Pose(x=0.0, y=2.0)),
    )
    pads = (Pad(color="red", x=1, y=0), Pad(color="blue", x=0, y=0), Pad(color="green", x=1, y=2))
    world = BatchedWorld(TaskSpec(robots=robots, pads=pads))
    assert not world.contacts().any()
    touched = np.zeros(3, dtype=int)
    for _ in range(40):
        world.step(np.array([[[0.5, 0.0], [0.5, 0.0], [0.0, 0.0]]]))
        touched += world.contacts()[0]
    assert touched[0] > 5 and touched[1] == touched[0] and touched[2] == 0


def test_bumps_are_those_of_the_newest_state() -> None:
    """Without the stage after the step the sensors would tell of the substep before."""
    robots = (RobotSpec(name="a", goal="red"), RobotSpec(name="b", goal="blue", spawn=Pose(x=0.6, yaw=np.pi)))
    world = BatchedWorld(TaskSpec(robots=robots, pads=(Pad(color="red", x=1, y=0), Pad(color="blue", x=0, y=0))))
    seen = set()
    for _ in range(60):
        world.step(np.array([[[0.3, 0.0], [0.3, 0.0]]]))
        data = world.data()
        mujoco.mj_forward(world.model, data)
        assert np.array_equal(world.sensordata[0] > 0, data.sensordata > 0)
        seen.add(bool(world.contacts()[0, 0]))
    assert seen == {True, False}


def test_a_bump_into_a_wall_is_no_contact_with_a_robot() -> None:
    world = BatchedWorld(place(Mission(goals=("red", "blue")), 0))
    bumped = np.zeros(2, dtype=bool)
    for _ in range(300):
        world.step(np.array([[[1.0, 0.0], [0.0, 0.0]]]))
        bumped |= world.cars.bumped()[0]
        assert not world.contacts().any()
    assert bumped.tolist() == [True, False]


def test_walls_hold_a_robot_back() -> None:
    world = BatchedWorld(place(Mission(goals=("red",)), 0))
    for _ in range(400):
        world.step(np.array([[[1.0, 0.0]]]))
    x, y, _ = world.poses()[0, 0]
    assert world.spec.world.contains(x, y)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_the_expert_brings_a_fleet_that_a_sentence_placed_home_without_contact(count: int) -> None:
    spec = place(Mission(goals=("red", "green", "blue", "yellow", "orange", "purple")[:count]), 1)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    env.reset()
    for _ in range(160):
        step = env.step(env.expert())
    assert step.success.all()


def test_a_control_rate_that_does_not_divide_the_simulations_is_refused() -> None:
    with pytest.raises(ValueError, match="control_hz: 30 does not divide"):
        BatchedWorld(alone().model_copy(update={"control_hz": 30}))
