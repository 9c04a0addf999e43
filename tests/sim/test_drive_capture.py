import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv, Transition
from metabot_sim.families.drive_capture import FAMILY

FAR = (0.0, 1.8, 0.0)
"""In the middle of the field, away from everything."""


def make(sims: int, **options) -> FleetEnv:
    return FleetEnv("drive-capture", sims, autoreset=Autoreset.DISABLED, **options)


def play(env: FleetEnv, first, second) -> np.ndarray:
    """Success of every robot, (n, R)."""
    env.reset(seed=0)
    for _ in range(env.horizon):
        done = env.step(np.where((env.teams == 0)[None, :, None], first(env), second(env)))
        if done.success[:, 0].all():
            break
    return done.success


def expert(env: FleetEnv) -> np.ndarray:
    return env.expert()


def idle(env: FleetEnv) -> np.ndarray:
    return np.zeros((env.num_sims, env.num_robots, 2))


def random(seed: int = 0):
    draws = np.random.default_rng(seed)
    return lambda env: draws.uniform(-1, 1, (env.num_sims, env.num_robots, 2))


@pytest.mark.parametrize(("split", "robots"), [("held-out", 2), ("test", 5)])
def test_experts_win_against_a_random_team(split, robots) -> None:
    env = make(8, split=split, robots=robots)
    success = play(env, expert, random())
    assert success[:, env.teams == 0].all(axis=1).mean() >= 0.95
    assert not success[:, env.teams == 1].any()


@pytest.mark.parametrize("first", [idle, random(1)], ids=["idle", "random"])
def test_a_team_that_knows_nothing_does_not_win(first) -> None:
    assert not play(make(8), first, random()).any()


class Match:
    """One against one on a field whose base and token pads lie at (-3, -1), (3, 1) and (-3, 1), (3, -1)."""

    def __init__(self) -> None:
        self.env = make(1, robots=2)
        self.env.reset(seed=0)
        episodes = self.env.episodes.take(np.arange(1))
        episodes.robot_dynamics[:, :, :3] = (1.0, 1.0, 0.0)
        episodes.pads[0] = [(-2.5, -1.0), (2.5, 1.0), (-2.5, 1.0), (2.5, -1.0)]
        episodes.spawns[0] = [FAR, FAR]
        episodes.spawns[0, 1, 1] *= -1.0
        self.env.reset(episodes=episodes)

    def put(self, first: tuple[float, float], second: tuple[float, float]) -> Transition:
        """Move both robots somewhere and let a step pass."""
        self.env.episodes.spawns[0, :, :2] = [first, second]
        self.env.world.reset()
        return self.env.step(np.zeros((1, 2, 2)))

    def carriers(self) -> list[int]:
        """Who carries the tokens of both teams."""
        return list(self.env.rules._carrier[0])


def test_a_token_brought_home_wins() -> None:
    match = Match()
    match.put((2.5, -0.75), FAR[:2])
    assert match.carriers() == [-1, 0]
    done = match.put((-1.0, 0.0), FAR[:2])
    assert not done.success.any()
    done = match.put((-2.5, -0.8), FAR[:2])
    assert done.success.tolist() == [[True, False]]
    assert done.terminated.all()
    assert done.rewards[0, 0] > 1.9
    assert done.rewards[0, 1] < -0.9


def test_the_base_is_worth_nothing_without_the_token() -> None:
    match = Match()
    done = match.put((-2.5, -1.0), (2.5, 1.0))
    assert not done.success.any()
    match.put((2.5, -0.65), FAR[:2])
    assert match.carriers() == [-1, -1]


def test_a_carrier_that_is_tagged_on_the_opponents_half_loses_the_token() -> None:
    match = Match()
    match.put((2.5, -0.8), FAR[:2])
    match.put((1.0, 0.0), (1.0, 0.37))
    assert match.carriers() == [-1, 0]
    match.put((1.0, 0.0), (1.0, 0.33))
    assert match.carriers() == [-1, -1]
    done = match.put((-2.5, -1.0), FAR[:2])
    assert not done.success.any()


def test_a_carrier_on_its_own_half_is_safe() -> None:
    match = Match()
    match.put((2.5, -0.8), FAR[:2])
    match.put((-1.0, 0.0), (-1.0, 0.33))
    assert match.carriers() == [-1, 0]


def test_a_token_is_seen_and_drawn_where_its_carrier_is() -> None:
    match = Match()
    match.put((2.5, -0.8), FAR[:2])
    done = match.put((1.0, 0.5), FAR[:2])
    seen = dict(zip(match.env.observation_names[0], done.observations[0, 0], strict=True))
    assert seen["carrying"] == 1.0
    assert np.hypot(seen["rival_token_ahead"], seen["rival_token_left"]) < 0.02
    assert np.allclose(match.env.world._mocap[0, match.env.world._pad_mocap[3], :2], (1.0, 0.5), atol=0.01)


@pytest.mark.parametrize("robots", [2, 5, 16])
def test_each_team_starts_on_its_own_half_with_its_base_and_token(robots: int) -> None:
    env = make(64, robots=robots)
    env.reset(seed=0)
    side = np.sign(env.episodes.pads[:, :2, 0])
    assert (side[:, 0] == -side[:, 1]).all()
    assert np.array_equal(np.sign(env.episodes.pads[:, 2:, 0]), side)
    assert np.array_equal(np.sign(env.episodes.spawns[..., 0]), side[:, env.teams])
    assert np.linalg.norm(env.episodes.pads[:, :2] - env.episodes.pads[:, 2:], axis=-1).min() >= 1.19
    half = np.array([env.spec.world.length_m, env.spec.world.width_m]) / 2
    assert (np.abs(env.episodes.spawns[..., :2]) < half - 0.4).all()


def test_an_episode_does_not_depend_on_the_size_of_its_batch() -> None:
    def run(sims: int) -> np.ndarray:
        env = make(sims)
        env.reset(seed=4)
        return np.stack([env.step(env.expert()).observations for _ in range(60)], axis=1)

    assert np.array_equal(run(5)[:2], run(2))


def test_one_team_is_refused() -> None:
    spec = FAMILY.spec(4)
    robots = [{**robot.model_dump(), "team": "blue"} for robot in spec.robots]
    with pytest.raises(SpecError, match="robots: 1 teams cannot play drive-capture; allowed: 2"):
        FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": robots}))
