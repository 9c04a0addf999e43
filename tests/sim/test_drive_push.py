import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.experts import push
from metabot_sim.families.drive_push import BOX_WIDTH_M, FAMILY


def play(env: FleetEnv, act, steps: int | None = None) -> np.ndarray:
    """Success of every robot, (n, R), after one episode in every simulation."""
    env.reset(seed=0)
    for step in range(steps or env.horizon):
        done = env.step(act(env, step))
        if done.success.all():
            break
    return done.success


def make(sims: int, **options) -> FleetEnv:
    return FleetEnv("drive-push", sims, autoreset=Autoreset.DISABLED, **options)


@pytest.mark.parametrize(("split", "robots", "sims"), [("held-out", 2, 12), ("test", 5, 4)])
def test_the_expert_pushes_the_box_home(split, robots, sims) -> None:
    assert play(make(sims, split=split, robots=robots), lambda env, _: env.expert()).mean() >= 0.95


def test_doing_nothing_or_anything_does_not() -> None:
    draws = np.random.default_rng(0)
    assert not play(make(8), lambda env, _: np.zeros((8, 2, 2))).any()
    assert not play(make(8), lambda env, _: draws.uniform(-1, 1, (8, 2, 2))).any()


def pushed(robots: int, bearing: np.ndarray, weight: tuple[float, float]) -> np.ndarray:
    """Metres that healthy robots at full throttle, side by side, move a box of (mass, friction) in 4 s."""
    world = BatchedWorld(FAMILY.spec(2), len(bearing))
    cos, sin = np.cos(bearing), np.sin(bearing)
    places = push.places(robots, world.spec.objects[0].length_m)
    for robot in range(2):
        x, y = (-BOX_WIDTH_M / 2 - push.CAR_M - 0.02, places[robot]) if robot < robots else (-2.5, 0.0)
        world.episodes.spawns[:, robot] = np.stack([cos * x - sin * y, sin * x + cos * y, bearing], axis=-1)
    world.episodes.objects[:, 0] = np.stack([0 * cos, 0 * cos, bearing + np.pi / 2], axis=-1)
    world.episodes.object_dynamics[:, 0] = (weight[0], 1.0, weight[1])
    world.reset()
    commands = np.zeros((len(bearing), 2, 2))
    commands[:, :robots, 0] = 1.0
    for _ in range(80):
        world.step(commands)
    return np.hypot(*world.object_positions()[:, 0, :2].T)


@pytest.mark.parametrize("ranges", [FAMILY.intervals("train"), FAMILY.intervals("held-out")], ids=["train", "held-out"])
def test_the_lightest_box_is_too_heavy_for_one_and_the_heaviest_is_not_for_two(ranges) -> None:
    bearing = np.array([0.0, 0.4, 0.8])
    mass, friction = ranges["object_mass_kg"], ranges["object_friction"]
    assert pushed(1, bearing, (mass.low, friction.low)).max() < 0.25
    assert pushed(2, bearing, (mass.high, friction.high)).min() > 1.0


def test_one_robot_that_works_beside_one_that_rests_gets_nowhere() -> None:
    env = make(8)
    standing = np.zeros(8, dtype=bool)

    def half(env: FleetEnv, _: int) -> np.ndarray:
        box = env.world.object_positions()[:, :, :2]
        standing[:] |= (np.linalg.norm(env.world.poses()[..., :2] - box, axis=-1) < 0.55).all(axis=1)
        commands = env.expert()
        commands[standing, 1] = 0.0
        return commands

    assert not play(env, half, 300).any()
    assert standing.all()


@pytest.mark.parametrize(("distance", "home"), [(0.24, True), (0.26, False)])
def test_the_box_decides_for_all_and_its_centre_has_to_be_in_the_zone(distance: float, home: bool) -> None:
    env = make(2)
    env.reset(seed=0)
    episodes = env.episodes.take(np.arange(2))
    episodes.pads[:, 0] = episodes.objects[:, 0, :2] + [distance, 0.0]
    env.reset(episodes=episodes)
    done = env.step(np.zeros((2, 2, 2)))
    assert (done.success == home).all()
    assert (done.terminated == home).all()


def test_an_episode_does_not_depend_on_the_size_of_its_batch() -> None:
    def run(sims: int) -> np.ndarray:
        env = make(sims, robots=3)
        env.reset(seed=4)
        return np.stack([env.step(env.expert()).observations for _ in range(60)], axis=1)

    assert np.array_equal(run(5)[:2], run(2))


def test_one_robot_cannot_play() -> None:
    with pytest.raises(SpecError, match="robots: 1 cannot play drive-push; allowed: 2 to 6"):
        FleetEnv("drive-push", 1, robots=1)


def test_a_box_without_room_for_all_is_refused() -> None:
    spec = FAMILY.spec(3)
    short = {**spec.objects[0].model_dump(), "length_m": 0.5}
    with pytest.raises(SpecError, match=r"length_m: 0\.5; allowed: at least 0\.9"):
        FleetEnv(TaskSpec.parse({**spec.model_dump(), "objects": [short]}))
