"""Policies that learn in context: a memory of what a robot has been through is part of their parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience.stream import Stream
from metabot.params import Layout
from metabot.policy.mlp import orthogonal
from metabot.policy.policy import Moment, Policy

CONTEXT = "context/"
"""Names of the entries that hold what a robot has been through begin with this."""
_ACTION, _REWARD = CONTEXT + "action", CONTEXT + "reward"


class ContextPolicy(Policy):
    """A Gaussian policy π(a | o, memory) that reads observation, last action, last reward and first-step flag.

    The memory that it starts with is the part of its parameter vector whose names begin with
    ``context/``: `remember` turns experience into parameters. Last actions are read as they were
    carried out, clipped to [-1, 1].

    Attributes:
        reads_reward: whether rewards reach the network. A robot that is not told any can run only
            a policy that does without.
        feature_size: length of what `unroll` gives beside the actions.
        min_log_std: lower bound of the log standard deviation.
    """

    reads_reward: bool
    feature_size: int
    min_log_std: float

    @property
    def token_size(self) -> int:
        """Numbers that the network reads at a step."""
        return self.observation_size + self.action_size + int(self.reads_reward) + 1

    def tokens(self, observation: Tensor, action: Tensor, reward: Tensor, first: Tensor) -> Tensor:
        """What the network reads, (..., token_size).

        Args:
            observation: (..., observation_size).
            action: (..., action_size), the previous one.
            reward: (...) that it brought.
            first: (...), 1 at the first step of an episode.
        """
        extra = [reward[..., None]] if self.reads_reward else []
        return torch.cat([observation, action.clamp(-1.0, 1.0), *extra, first[..., None]], dim=-1)

    def log_std(self, parameters: Tensor) -> Tensor:
        """Log standard deviation, (action_size,)."""
        return torch.clamp(self.layout.view(parameters)["log_std"], min=self.min_log_std)

    def before(self, parameters: Tensor, episodes: int) -> tuple[Tensor, Tensor]:
        """See `Policy.before`: the end of what it remembers."""
        views = self.layout.view(parameters)
        count = len(parameters)
        return views[_ACTION][:, None].expand(count, episodes, -1), views[_REWARD].expand(count, episodes)

    @abstractmethod
    def unroll(self, parameters: Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """All steps of many trials at once: what `act` would say step by step.

        Args:
            parameters: (layout.size,), the same for all trials, with the memory that they began with.
            stream: the trials.

        Returns:
            Mean actions (trials, steps, action_size) and features (trials, steps, feature_size).
        """

    def remember(self, parameters: Tensor, stream: Stream) -> Tensor:
        """Parameters that remember a trial, (trials, layout.size).

        Args:
            parameters: (layout.size,), with the memory that the trials began with.
            stream: the trials.
        """
        rows = torch.arange(len(stream.valid))
        last = stream.lengths - 1
        changed = self._memory(parameters, stream) | {
            _ACTION: stream.action[rows, last],
            _REWARD: stream.reward[rows, last, None],
        }
        views = self.layout.view(parameters)
        parts = []
        for name, _ in self.layout.entries:
            value = changed[name] if name in changed else views[name].expand(len(rows), *views[name].shape)
            parts.append(value.reshape(len(rows), -1))
        return torch.cat(parts, dim=1)

    @abstractmethod
    def _memory(self, parameters: Tensor, stream: Stream) -> dict[str, Tensor]:
        """The network's entries of the memory after each trial, by name, trials first."""

    def _read(self, stream: Stream) -> Tensor:
        return self.tokens(stream.observation, stream.last_action, stream.last_reward, stream.first)

    def _read_moment(self, moment: Moment) -> Tensor:
        return self.tokens(moment.observation, moment.action, moment.reward, moment.first)


def context_layout(action_size: int) -> Layout:
    """What every memory holds: the last action and what it brought."""
    return Layout.of({_ACTION: (action_size,), _REWARD: (1,)})


def without_copies(parameters: Tensor) -> Tensor:
    """One row where all rows are one: `expand` makes such, and one matrix serves faster than many."""
    return parameters[:1] if parameters.stride(0) == 0 else parameters


def dense(value: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer, one for all or one per task.

    Args:
        value: (..., inputs), or (tasks, points, inputs).
        weight: (outputs, inputs), or (tasks, outputs, inputs) or (1, outputs, inputs).
        bias: (outputs,), or (tasks, outputs) or (1, outputs).
    """
    if weight.dim() == 2:
        return functional.linear(value, weight, bias)
    if weight.shape[0] == 1:
        return functional.linear(value, weight[0], bias[0])
    return torch.baddbmm(bias.unsqueeze(1), value, weight.transpose(1, 2))


def initial_arrays(
    layout: Layout, rng: np.random.Generator, gains: Mapping[str, float], constants: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Random arrays: orthogonal matrices, and vectors of one number each, zero by default.

    Args:
        layout: which arrays.
        rng: source of the matrices.
        gains: scale of a matrix by its name, 1 by default.
        constants: value of an array that is not drawn.
    """
    arrays = {}
    for name, shape in layout.entries:
        if name.startswith(CONTEXT) or name in constants or len(shape) < 2:
            arrays[name] = np.full(shape, constants.get(name, 0.0))
        else:
            arrays[name] = gains.get(name, 1.0) * orthogonal((shape[0], shape[1]), rng)
    return arrays
