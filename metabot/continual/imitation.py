"""Robots with different hidden dynamics one after the other, each shown by an expert what to do."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.base.imitation import asked
from metabot.base.policies import policy_for
from metabot.base.rollout import rollout
from metabot.continual.domain import Domain, Labelled, refuse_fewer_than_two
from metabot.meta.demands import an_expert, one_robot
from metabot.policy import MLP
from metabot.problems import Problem

EXPERT_SHARE = 0.7
"""Share of steps in which the expert acts while it shows; in the others noise does, so that it also
shows how to mend mistakes (in the spirit of Laskey et al. 2017, DART)."""


class ImitationDomain(Domain):
    """A few tasks of a problem that has an expert; the score is success of the mean action, or return."""

    def __init__(
        self,
        problem: Problem,
        tasks: int,
        rng: np.random.Generator,
        *,
        hidden: tuple[int, ...] = (64, 64),
        episodes: int = 32,
        trials: int = 16,
    ) -> None:
        """Draw the tasks and have the expert show each.

        Args:
            problem: where.
            tasks: how many.
            rng: of tasks, and of what is shown.
            hidden: layers of the network.
            episodes: shown of each task.
            trials: fresh episodes of each task that `scores` are of.

        Raises:
            ValueError: if there are fewer than two tasks, nobody knows how to master them, or several
                robots act in an episode.
        """
        refuse_fewer_than_two(tasks)
        an_expert(problem, "continual learning")
        one_robot(problem, "continual learning", "the name")
        if problem.discrete:
            raise ValueError(f"family: actions of {problem.name} are discrete; allowed: continuous ones")
        self.name, self.tasks, self.share = problem.name, tasks, problem.has_success
        self.score = "success" if self.share else "return"
        self.policy = policy_for(problem, hidden)
        self.network = MLP((problem.observation_size + tasks, *hidden, problem.action_size), "tanh", last_gain=0.01)
        self._problem, self._trials = problem, trials
        self._rows = problem.sample(rng, tasks)
        nobody = torch.from_numpy(self.policy.initial(rng)).expand(tasks, -1)
        shown = rollout(problem, self.policy, nobody, self._rows, episodes, rng, expert_share=EXPERT_SHARE)
        kept = shown.mask > 0.0
        self._shown = [(shown.observations[task][kept[task]], asked(shown)[task][kept[task]]) for task in range(tasks)]

    def draw(self, tasks: np.ndarray, rng: np.random.Generator) -> Labelled:
        """See `Domain.draw`: a step that the expert has shown or advised."""
        steps = [int(rng.integers(len(self._shown[task][0]))) for task in tasks]
        observations, actions = (
            torch.stack([self._shown[task][part][step] for task, step in zip(tasks, steps, strict=True)])
            for part in (0, 1)
        )
        return Labelled(self.named(observations, tasks), actions)

    def policies(self, parameters: Tensor) -> Tensor:
        """The policy of every task, (tasks, policy.layout.size): a name is a shift of the first layer's biases."""
        views = self.network.layout.view(parameters)
        size = self.policy.observation_size
        own = {name: value.expand(self.tasks, *value.shape) for name, value in views.items()}
        own["bias_0"] = views["bias_0"] + views["weight_0"][:, size:].T
        own["weight_0"] = own["weight_0"][:, :, :size]
        own["log_std"] = torch.zeros(self.tasks, self.policy.action_size)
        return torch.cat([own[name].reshape(self.tasks, -1) for name, _ in self.policy.layout.entries], dim=1)

    @torch.no_grad()
    def scores(self, parameters: Tensor) -> np.ndarray:
        """See `Domain.scores`."""
        trials = rollout(
            self._problem,
            self.policy,
            self.policies(parameters),
            self._rows,
            self._trials,
            np.random.default_rng(0),
            deterministic=True,
        )
        return (trials.success if self.share else trials.returns).mean(1).numpy()
