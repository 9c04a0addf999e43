"""A problem whose robot is told what its task hides; a policy for it holds one for every single task."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.policy import GaussianMLP
from metabot.problems import Outcome, Problem, Split


class ToldProblem(Problem):
    """Any problem with what is hidden shown behind the observation (privileged information, Chen et al. 2019).

    Numbers are standardised over tasks of training.
    """

    def __init__(self, problem: Problem) -> None:
        """Wrap a problem in which one robot acts.

        Raises:
            ValueError: if it cannot say what its tasks hide; one line.
        """
        hidden = problem.hidden(problem.sample(np.random.default_rng(0), 512))
        if hidden is None:
            raise ValueError(f"family: {problem.name} does not say what its tasks hide")
        self._mean, self._spread = hidden.mean(0), np.maximum(hidden.std(0), 1e-9)
        self.problem, self.name = problem, f"{problem.name}, told"
        self.observation_size = problem.observation_size + len(self._mean)
        self.action_size, self.horizon = problem.action_size, problem.horizon
        self.agents, self.has_success, self.discrete = problem.agents, problem.has_success, problem.discrete

    def told(self, tasks: np.ndarray) -> np.ndarray:
        """What is shown of tasks, float32 (tasks, n)."""
        hidden = self.problem.hidden(tasks)
        assert hidden is not None, "it was asked before"
        values: np.ndarray = ((hidden - self._mean) / self._spread).astype(np.float32)
        return values

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """See `Problem.sample`."""
        return self.problem.sample(rng, tasks, split)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        self._told = self.told(tasks)
        return np.concatenate([self.problem.begin(tasks, rng), self._told], axis=1)

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        done = self.problem.step(actions)
        seen = np.concatenate([done.observations, self._told], axis=1)
        return Outcome(seen, done.rewards, done.success, done.ended)

    @property
    def has_expert(self) -> bool:
        """Whether the problem has one."""
        return self.problem.has_expert

    def expert(self) -> np.ndarray | None:
        """See `Problem.expert`."""
        return self.problem.expert()


def folded(wide: GaussianMLP, row: Tensor, told: Tensor, narrow: GaussianMLP) -> Tensor:
    """Policies that are told nothing and do what one who is told does in single tasks.

    What it is told stays the same in a task: it goes into the biases of the first layer.

    Args:
        wide: the network of a `ToldProblem`.
        row: (wide.layout.size,) its parameters.
        told: (tasks, n) what it is told of each task.
        narrow: the network of the problem itself, of the same hidden layers.

    Returns:
        (tasks, narrow.layout.size).
    """
    views = wide.layout.view(row.detach())
    size = narrow.observation_size
    rows = []
    for values in told:
        arrays = {name: views[name].numpy() for name, _ in narrow.layout.entries}
        arrays["bias_0"] = (views["bias_0"] + views["weight_0"][:, size:] @ values).numpy()
        arrays["weight_0"] = views["weight_0"][:, :size].numpy()
        rows.append(torch.from_numpy(narrow.layout.flatten(arrays)))
    return torch.stack(rows)
