import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.drive_pursuit import FAMILY

SIMS = 16


def make(sims: int = SIMS, **options) -> FleetEnv:
    return FleetEnv("drive-pursuit", sims, autoreset=Autoreset.DISABLED, **options)


def play(env: FleetEnv, hunters, evader) -> tuple[np.ndarray, np.ndarray]:
    """Which simulations the hunters and which the evader won."""
    env.reset(seed=0)
    for _ in range(env.horizon):
        commands = np.where((env.teams == 0)[None, :, None], hunters(env), evader(env))
        done = env.step(commands)
        if done.success[:, 0].all():
            break
    return done.success[:, 0], done.success[:, -1]


def expert(env: FleetEnv) -> np.ndarray:
    return env.expert()


def idle(env: FleetEnv) -> np.ndarray:
    return np.zeros((env.num_sims, env.num_robots, 2))


def random(seed: int = 0):
    draws = np.random.default_rng(seed)
    return lambda env: draws.uniform(-1, 1, (env.num_sims, env.num_robots, 2))


@pytest.mark.parametrize(("split", "robots"), [("held-out", 2), ("test", 5)])
def test_expert_hunters_catch_a_random_evader(split, robots) -> None:
    hunters, evader = play(make(split=split, robots=robots), expert, random())
    assert hunters.mean() >= 0.95
    assert not (hunters & evader).any()


@pytest.mark.parametrize("hunters", [idle, random(1)], ids=["idle", "random"])
def test_hunters_that_know_nothing_catch_nobody(hunters) -> None:
    assert play(make(), hunters, random())[0].mean() <= 0.02


def test_an_expert_evader_escapes_random_hunters() -> None:
    assert play(make(12), random(), expert)[1].mean() >= 0.95


def test_the_evader_has_not_escaped_before_the_time_is_up() -> None:
    env = make(4)
    env.reset(seed=0)
    for step in range(env.horizon):
        done = env.step(idle(env))
        assert done.success[:, -1].all() == (step == env.horizon - 1)
    assert done.truncated.all()
    assert not done.terminated.any()


@pytest.mark.parametrize(("distance", "caught"), [(0.44, True), (0.47, False)])
def test_caught_is_a_matter_of_distance(distance: float, caught: bool) -> None:
    env = make(2, robots=3)
    env.reset(seed=0)
    episodes = env.episodes.take(np.arange(2))
    episodes.robot_dynamics[:, :, :3] = (1.0, 1.0, 0.0)
    episodes.spawns[:] = [(distance, 0.0, 0.0), (2.0, 2.0, 0.0), (0.0, 0.0, 0.0)]
    env.reset(episodes=episodes)
    done = env.step(np.zeros((2, 3, 2)))
    # The whole pack shares in it.
    assert (done.success == [caught, caught, False]).all()
    assert (done.terminated == caught).all()


def test_closing_in_pays_the_hunter_and_costs_the_evader() -> None:
    env = make(1, robots=2)
    env.reset(seed=0)
    episodes = env.episodes.take(np.arange(1))
    episodes.robot_dynamics[:, :, :3] = (1.0, 1.0, 0.0)
    episodes.spawns[:] = [(2.0, 0.0, np.pi), (0.0, 0.0, 0.0)]
    env.reset(episodes=episodes)
    for _ in range(10):
        done = env.step(np.array([[[1.0, 0.0], [0.0, 0.0]]]))
    assert done.rewards[0, 0] == pytest.approx(0.05 - 0.01, abs=0.005)
    assert done.rewards[0, 1] == pytest.approx(-0.05, abs=0.005)


@pytest.mark.parametrize("robots", [2, 5, 16])
def test_everybody_starts_apart_and_inside(robots: int) -> None:
    env = make(64, robots=robots)
    env.reset(seed=0)
    spawns = env.episodes.spawns[..., :2]
    assert np.abs(spawns).max() < env.spec.world.length_m / 2 - 0.4
    assert np.linalg.norm(spawns[:, :-1] - spawns[:, -1:], axis=-1).min() >= 2.2
    gaps = np.linalg.norm(spawns[:, :, None] - spawns[:, None], axis=-1) + 9.0 * np.eye(robots)
    assert gaps.min() > 0.5


def test_an_episode_does_not_depend_on_the_size_of_its_batch() -> None:
    def run(sims: int) -> np.ndarray:
        env = make(sims)
        env.reset(seed=4)
        return np.stack([env.step(env.expert()).observations for _ in range(60)], axis=1)

    assert np.array_equal(run(5)[:2], run(2))


def test_two_evaders_are_refused() -> None:
    spec = FAMILY.spec(3)
    robots = [{**robot.model_dump(), "team": "evader" if i else "hunters"} for i, robot in enumerate(spec.robots)]
    with pytest.raises(SpecError, match="robots: 2 in team evader; allowed: 1"):
        FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": robots}))
