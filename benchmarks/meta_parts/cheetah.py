"""Half cheetah, forward or back: the jump of the return from 0 to 1 gradient step (Finn et al. 2017, figure 5).

Protocol of Finn et al. 2017, section 5.3 and appendix A.2: reward is the speed in the task's direction, horizon
200, 20 episodes for a gradient step, a policy with two hidden layers of 100. The paper has 40 tasks for an update
and TRPO, ours are fewer and PPO. Its cheetah ran in rllab on an old engine, ours is Gymnasium's on the current MuJoCo:
absolute returns differ, what can be compared is the jump.
"""

from __future__ import annotations

from benchmarks.meta_parts.control import Protocol, returns_after_steps, train
from benchmarks.meta_parts.rows import Row, in_workers, seeded_row
from metabot.meta import META_LEARNERS
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.objective import PolicyObjective
from metabot.policy import GaussianMLP
from metabot.problems.cheetah import CheetahDirection

PUBLISHED = {"maml": (-50.69, 293.19)}
"""Finn et al. 2017, appendix, table of the returns of figure 5: forward/backward."""
METHODS = ("maml",)
FULL = Protocol(updates=120, tasks=8, episodes=20, test_tasks=8, test_episodes=20, steps=1)
QUICK = Protocol(updates=1, tasks=2, episodes=1, test_tasks=2, test_episodes=1, steps=1)
QUICK_HORIZON = 10


def run(protocol: Protocol, seeds: int, workers: int) -> list[Row]:
    """Rows of every method."""
    cases = [(method, seed) for method in METHODS for seed in range(seeds)]
    found = dict(zip(cases, in_workers(returns, [(*case, protocol) for case in cases], workers), strict=True))
    rows = []
    for method in METHODS:
        for step in range(protocol.steps + 1):
            values = [found[method, seed][step] for seed in range(seeds)]
            case = f"half cheetah, {method}: return after {step}"
            # Returns that differ in sign have no ratio.
            rows.append(seeded_row(case, values, "return", PUBLISHED[method][step]) | {"ratio": None})
        jumps = [found[method, seed][1] - found[method, seed][0] for seed in range(seeds)]
        published = PUBLISHED[method][1] - PUBLISHED[method][0]
        rows.append(seeded_row(f"half cheetah, {method}: jump from 0 to 1", jumps, "return", published))
    return rows


def returns(method: str, seed: int, protocol: Protocol) -> list[float]:
    """Train with one seed, and test: the return before and after each gradient step."""
    problem = CheetahDirection() if protocol.updates > 1 else CheetahDirection(horizon=QUICK_HORIZON)
    kind = META_LEARNERS[method]
    assert issubclass(kind, GradientMetaLearner)
    policy = GaussianMLP(problem.observation_size, problem.action_size, (100, 100))
    learner = kind(PolicyObjective(policy, discount=0.99), kind.Config())
    return returns_after_steps(learner, train(learner, problem, protocol, seed), problem, protocol, seed)
