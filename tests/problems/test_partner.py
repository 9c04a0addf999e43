"""Problems whose hidden task is somebody else: a partner or an opponent."""

import numpy as np
import pytest
import torch

from metabot.meta import make_meta_learner
from metabot.problems import Split, make_problem
from metabot_sim.episodes import DELAY, DRIVE_GAIN

PARTNERS = ["drive-push-partner", "drive-pursuit-opponent"]
PURSUIT, PUSH = "drive-pursuit-opponent", "drive-push-partner"


@pytest.mark.parametrize("name", PARTNERS)
@pytest.mark.parametrize("split", ["train", "held-out"])
def test_who_knows_the_others_masters_them_and_idleness_does_not(name: str, split: Split) -> None:
    problem, rng = make_problem(name), np.random.default_rng(0)
    assert problem.agents == 1
    idle = np.arange(24) % 2 == 1
    problem.begin(problem.sample(rng, 24, split), rng)
    for _ in range(problem.horizon):
        actions = problem.expert()
        assert actions is not None and actions.shape == (24, problem.action_size)
        step = problem.step(np.where(idle[:, None], np.float32(0.0), actions))
    assert step.success[~idle].mean() >= 0.9 and not step.success[idle].any()


@pytest.mark.parametrize("name", PARTNERS)
def test_held_out_partners_are_of_other_ranges(name: str) -> None:
    problem = make_problem(name)
    behaviour = problem.behaviour
    for split in ("train", "validation", "test", "held-out"):
        ranges = {**behaviour.traits, **(behaviour.held_out if split == "held-out" else {})}
        drawn = problem.sample(np.random.default_rng(1), 200, split)
        for column, interval in zip(drawn.T, ranges.values(), strict=True):
            assert interval.low <= column.min() and column.max() <= interval.high
            assert np.ptp(column) > 0.8 * (interval.high - interval.low)


def test_only_the_others_differ_from_task_to_task() -> None:
    problem = make_problem(PURSUIT)
    traits = problem.sample(np.random.default_rng(2), 2)
    first = problem.begin(traits, np.random.default_rng(3))
    dynamics = problem._current.world.episodes.robot_dynamics
    assert np.array_equal(dynamics[0, 0], dynamics[1, 0]) and dynamics[0, 0, DRIVE_GAIN] == 1.0
    names = list(problem.behaviour.traits)
    assert np.allclose(dynamics[:, 1, DRIVE_GAIN], traits[:, names.index("speed")])
    assert np.array_equal(dynamics[:, 1, DELAY], np.rint(traits[:, names.index("delay_steps")]))
    other = traits.copy()
    other[:, names.index("refuge_bearing_rad")] += np.pi
    assert np.array_equal(problem.begin(other, np.random.default_rng(3)), first), "nothing tells who it is"


def test_an_evader_left_alone_goes_to_its_refuge_and_is_seen_from_near_only() -> None:
    problem = make_problem(PURSUIT)
    rng = np.random.default_rng(4)
    traits = problem.sample(rng, 16)
    seen = problem.begin(traits, rng)
    columns = [name.startswith("rival") for name in problem.observation_names]
    near = np.zeros(16, dtype=bool)
    for _ in range(problem.horizon):
        poses = problem._current.world.poses()
        gap = np.hypot(*(poses[:, 1, :2] - poses[:, 0, :2]).T)
        near |= gap <= problem.behaviour.sight_m
        assert np.array_equal(seen[:, columns].any(axis=1), gap <= problem.behaviour.sight_m)
        seen = problem.step(np.zeros((16, 2), dtype=np.float32)).observations
    refuge = traits[:, 1:2] * np.stack([np.cos(traits[:, 0]), np.sin(traits[:, 0])], axis=1)
    left = np.hypot(*(problem._current.world.poses()[:, 1, :2] - refuge).T)
    assert not near.all() and np.median(left[~near]) < 0.3


def test_who_waits_on_the_partners_side_is_in_its_way() -> None:
    problem, rng = make_problem(PUSH), np.random.default_rng(6)
    traits = problem.sample(rng, 32)
    mistaken = dict(zip(problem.behaviour.traits, traits.T, strict=True))
    mistaken["side"] = -mistaken["side"]
    problem.begin(traits, rng)
    for _ in range(problem.horizon):
        actions = problem.behaviour.advice(mistaken, problem._current.rules)[:, 0]
        step = problem.step(actions.astype(np.float32))
    assert step.success.mean() < 0.2


def test_a_partner_goes_to_its_side_of_the_box_and_nothing_tells_which() -> None:
    problem = make_problem(PUSH)
    traits = np.array([[-0.4, 1.0, 0.0, 0.0], [0.4, 1.0, 0.0, 0.0]])
    start = problem.begin(traits, np.random.default_rng(7))
    rules = problem._current.rules
    assert np.array_equal(problem.begin(traits[::-1], np.random.default_rng(7)), start)
    assert (start[:, [name.startswith("neighbour") for name in problem.observation_names]] == 0.0).all()
    assert np.array_equal(problem.hidden(traits)[:, 0], [-1.0, 1.0])
    problem.begin(traits, np.random.default_rng(7))
    for _ in range(160):
        problem.step(np.zeros((2, 2), dtype=np.float32))
    poses, episodes = rules.world.poses(), rules.world.episodes
    box = rules.world.object_positions()[:, 0, :2]
    way = episodes.pads[:, 0] - box
    offset = poses[:, 1, :2] - box
    left = way[:, 0] * offset[:, 1] - way[:, 1] * offset[:, 0]
    assert left[0] < 0.0 < left[1]


def test_a_late_partner_does_nothing_at_first() -> None:
    problem = make_problem(PUSH)
    traits = np.array([[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 2.0, 0.0]])
    problem.begin(traits, np.random.default_rng(5))
    start = problem._current.world.poses()[:, 1].copy()
    for _ in range(20):
        problem.step(np.zeros((2, 2), dtype=np.float32))
    moved = np.abs(problem._current.world.poses()[:, 1] - start).max(axis=1)
    assert moved[0] > 0.1 and moved[1] < 0.02


@pytest.mark.parametrize("method", ["maml", "meta-sgd", "reptile", "rl2", "dagger", "es-maml"])
def test_a_meta_learner_trains_on_partners_as_on_any_task(method: str) -> None:
    problem = make_problem(PURSUIT)
    problem.horizon = 5
    learner = make_meta_learner(method, problem)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    batch = learner.collect(meta, problem, problem.sample(rng, 2), 2, rng)
    updated, metrics = learner.update(meta, batch)
    assert torch.isfinite(updated).all() and not torch.equal(updated, meta)
    assert metrics["dropped_tasks"] == 0.0


def test_the_hunters_expert_goes_by_what_is_known_of_an_evader_that_nobody_sees() -> None:
    problem, rng = make_problem(PURSUIT), np.random.default_rng(11)
    traits = np.repeat(problem.sample(rng, 16), 2, axis=0)
    problem.begin(traits, rng)
    env = problem._current
    episodes = env.world.episodes
    # Two of each: the same but for the evader, which is somewhere else out of sight.
    episodes.spawns[1::2] = episodes.spawns[::2]
    episodes.spawns[1::2, 1, :2] *= np.where(rng.random((16, 1)) < 0.5, [[1.0, -1.0]], [[-1.0, 1.0]])
    problem._see(env.reset(0, episodes=episodes))
    gap = np.hypot(*(episodes.spawns[:, 1, :2] - episodes.spawns[:, 0, :2]).T).reshape(-1, 2)
    unseen = (gap > problem.behaviour.sight_m).all(1)
    assert unseen.sum() >= 8
    known, everything = problem.expert().reshape(-1, 2, 2), env.rules.expert()[:, 0].reshape(-1, 2, 2)
    assert np.allclose(known[unseen, 0], known[unseen, 1], atol=1e-6)
    assert np.abs(everything[unseen, 0] - everything[unseen, 1]).max() > 0.5
