import gymnasium
import mujoco
import numpy as np
import pytest

from metabot.demo.faults import FAULTS
from metabot.task import DriveDistribution, Mission, Pad, Pose, RobotSpec, TaskSpec, place
from metabot_sim.batch import BatchedWorld
from metabot_sim.experts import drive_goal
from metabot_sim.robots import diffdrive
from metabot_sim.vector_env import DriveGoalVectorEnv

SIMS = 512


def alone(**robot: object) -> TaskSpec:
    return TaskSpec(robots=(RobotSpec(name="robot", goal="red", **robot),), pads=(Pad(color="red", x=1.0, y=0.0),))  # type: ignore[arg-type]


def drive(env: DriveGoalVectorEnv, act, dynamics=None) -> np.ndarray:
    observation, _ = env.reset(seed=0, options={"dynamics": dynamics})
    success = np.zeros(env.num_envs, dtype=bool)
    for _ in range(env.horizon):
        observation, _, _, _, info = env.step(act(env, observation))
        success |= info["success"]
    return success


def expert(env: DriveGoalVectorEnv, _: np.ndarray) -> np.ndarray:
    return drive_goal.act(env.poses(), env.world.goals[:, 0], env.world.dynamics[:, 0])


def test_the_expert_reaches_the_pad_in_99_percent_of_sampled_tasks() -> None:
    assert drive(DriveGoalVectorEnv(SIMS, threads=2), expert).mean() >= 0.99


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.describe())
def test_every_fault_of_the_demo_can_be_mastered(fault) -> None:
    dynamics = np.tile(fault.as_tuple(), (64, 1))
    assert drive(DriveGoalVectorEnv(64), expert, dynamics).mean() >= 0.99


def test_an_idle_policy_never_succeeds() -> None:
    assert drive(DriveGoalVectorEnv(SIMS), lambda env, _: np.zeros((env.num_envs, 2))).mean() == 0.0


def test_a_random_policy_hardly_ever_succeeds() -> None:
    rng = np.random.default_rng(0)
    assert drive(DriveGoalVectorEnv(SIMS), lambda env, _: rng.uniform(-1, 1, (env.num_envs, 2))).mean() < 0.02


def test_an_expert_that_is_told_other_dynamics_fails() -> None:
    def deluded(env: DriveGoalVectorEnv, _: np.ndarray) -> np.ndarray:
        return drive_goal.act(env.poses(), env.world.goals[:, 0], -env.world.dynamics[:, 0])

    assert drive(DriveGoalVectorEnv(SIMS), deluded).mean() < 0.05


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_trajectories_are_bit_identical_at_any_number_of_threads(threads: int) -> None:
    def run(threads: int) -> np.ndarray:
        env = DriveGoalVectorEnv(32, threads=threads)
        rng = np.random.default_rng(1)
        env.reset(seed=3)
        return np.stack([env.step(rng.uniform(-1, 1, (32, 2)))[0] for _ in range(40)])

    assert np.array_equal(run(1), run(threads))


def test_an_episode_does_not_depend_on_the_size_of_its_batch() -> None:
    distribution = DriveDistribution()
    rng = np.random.default_rng(0)
    dynamics, goals = distribution.sample_dynamics(rng, 16), distribution.sample_goals(rng, 16)

    def run(rows: slice) -> np.ndarray:
        env = DriveGoalVectorEnv(len(dynamics[rows]))
        env.reset(options={"dynamics": dynamics[rows], "goals": goals[rows]})
        return np.stack([env.step(np.tile([0.7, 0.3], (env.num_envs, 1)))[0] for _ in range(40)], axis=1)

    assert np.array_equal(run(slice(0, 16))[3:5], run(slice(3, 5)))


def test_commands_mean_what_the_dynamics_say() -> None:
    world = BatchedWorld(alone(), 4, walls=False)
    world.dynamics[:, 0] = [(1, 1, 0), (-1, 1, 0), (1, -1, 0), (1, 1, 0.25)]
    for _ in range(20):
        world.step(np.tile([0.5, 0.2], (4, 1, 1)))
    forward, turn = world.twists()[:, 0].T
    assert np.allclose(forward, [0.5, -0.5, 0.5, 0.5], atol=0.03)
    # Wheels on a floor with friction give way a little when the robot turns.
    assert np.allclose(turn, [0.6, 0.6, -0.6, 1.35], rtol=0.15)


def test_observation_is_the_goal_in_the_robots_frame() -> None:
    pose, twist, goal = np.array([1.0, 2.0, np.pi / 2]), np.array([0.5, -1.5]), np.array([1.0, 3.0])
    seen = dict(zip(diffdrive.OBSERVATION_NAMES, diffdrive.observe(pose, twist, goal), strict=True))
    assert seen == pytest.approx(
        {"goal_forward": 0.5, "goal_left": 0, "goal_cos": 1, "goal_sin": 0, "forward_speed": 0.5, "yaw_rate": -0.5},
        abs=1e-6,
    )


def test_reward_is_progress_plus_success_minus_effort() -> None:
    env = DriveGoalVectorEnv(1)
    env.reset(options={"dynamics": np.array([[1.0, 1.0, 0.0]]), "goals": np.array([[1.0, 0.0]])})
    total, ended = 0.0, False
    for _ in range(env.horizon):
        _, reward, terminated, _, info = env.step(np.array([[1.0, 0.0]]))
        total += float(reward[0])
        if terminated[0] and not ended:
            ended = True
            assert info["success"][0]
            steps = env._steps
            assert total == pytest.approx(1.0 - env._distance[0] + 1.0 - 0.01 * steps, abs=1e-5)
        elif ended:
            assert reward[0] == 0.0
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


def test_contacts_are_those_of_the_newest_state() -> None:
    """Without the stage after the step the sensors would tell of the substep before."""
    robots = (RobotSpec(name="a", goal="red"), RobotSpec(name="b", goal="blue", spawn=Pose(x=0.6, yaw=np.pi)))
    world = BatchedWorld(TaskSpec(robots=robots, pads=(Pad(color="red", x=1, y=0), Pad(color="blue", x=0, y=0))))
    seen = set()
    for _ in range(60):
        world.step(np.array([[[0.3, 0.0], [0.3, 0.0]]]))
        data = world.data()
        mujoco.mj_forward(world.model, data)
        assert np.array_equal(world._sensors[0], data.sensordata)
        seen.add(bool(world.contacts()[0, 0]))
    assert seen == {True, False}


def test_walls_hold_a_robot_back() -> None:
    world = BatchedWorld(place(Mission(goals=("red",)), 0))
    for _ in range(400):
        world.step(np.array([[[1.0, 0.0]]]))
    x, y, _ = world.poses()[0, 0]
    assert world.spec.world.contains(x, y)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_the_expert_brings_a_whole_fleet_home_without_contact(count: int) -> None:
    spec = place(Mission(goals=("red", "green", "blue", "yellow", "orange", "purple")[:count]), 1)
    world = BatchedWorld(spec)
    reached, touched = np.zeros(count, bool), np.zeros(count, bool)
    for _ in range(100):
        world.step(drive_goal.act(world.poses(), world.goals, world.dynamics))
        reached |= world.distances()[0] < spec.success.radius_m
        touched |= world.contacts()[0]
    assert reached.all() and not touched.any()


def test_a_control_rate_that_does_not_divide_the_simulations_is_refused() -> None:
    with pytest.raises(ValueError, match="control_hz: 30 does not divide"):
        BatchedWorld(alone().model_copy(update={"control_hz": 30}))


def test_the_vector_environment_is_gymnasiums() -> None:
    env = DriveGoalVectorEnv(3)
    assert env.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.DISABLED
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
    assert env.observation_space.contains(observation)
    assert reward.shape == terminated.shape == truncated.shape == (3,)
