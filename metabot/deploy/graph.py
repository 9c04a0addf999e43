"""A policy as one step of a graph: memory in, memory out, for PyTorch's exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from metabot.deploy.contract import FIRST, LAST_ACTION, LAST_REWARD, OBSERVATION, RESET, StateEntry
from metabot.policy import GaussianMLP, Moment, Policy, State


class Step(nn.Module):
    """One step of a policy with fixed parameters, for a batch of episodes.

    Attributes:
        inputs: names of the inputs before the state.
        state: the state's entries.
    """

    def __init__(self, policy: Policy, parameters: Tensor) -> None:
        """Work out what no step changes.

        Args:
            policy: whose mean action it is.
            parameters: (policy.layout.size,).
        """
        super().__init__()
        policy, vector = policy.settled(parameters)
        self._policy = policy
        self._vector = nn.Parameter(vector, requires_grad=False)
        rows = vector[None]
        with torch.no_grad():
            first = policy.begin(rows, 1)
            action, reward = policy.before(rows, 1)
        leaves = flattened(first)
        self._like = first
        # Without the task and the episode: entries of a batch go in their place.
        self._first = [nn.Parameter(leaf[0, 0].clone(), requires_grad=False) for leaf in leaves]
        for number, leaf in enumerate(self._first):
            self.register_parameter(f"first_{number}", leaf)
        self._action = nn.Parameter(action[0, 0].clone(), requires_grad=False)
        self._reward = nn.Parameter(reward[0, 0].clone(), requires_grad=False)
        self.state = tuple(StateEntry(f"state_{number}", tuple(leaf.shape)) for number, leaf in enumerate(self._first))
        self._reads_reward = bool(leaves) and getattr(policy, "reads_reward", True)
        self.inputs: tuple[str, ...] = (OBSERVATION,)
        if leaves:
            rewards = (LAST_REWARD,) if self._reads_reward else ()
            self.inputs = (OBSERVATION, LAST_ACTION, *rewards, FIRST, RESET)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return ("action", *(entry.output for entry in self.state))

    def example(self, batch: int) -> tuple[Tensor, ...]:
        """Inputs of the right shapes."""
        sizes = {OBSERVATION: (self._policy.observation_size,), LAST_ACTION: (self._policy.action_size,)}
        shapes = [sizes.get(name, ()) for name in self.inputs] + [entry.shape for entry in self.state]
        return tuple(torch.zeros(batch, *shape) for shape in shapes)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The action, and the state for the next step where there is one."""
        given = dict(zip(self.inputs, inputs, strict=False))
        observation = given[OBSERVATION]
        if not self.state:
            if isinstance(self._policy, GaussianMLP):
                # With one vector and not a row of one the network's layers stay plain ones.
                return self._policy.mean(self._vector, observation).clamp(-1.0, 1.0)
            nothing = observation.new_zeros(observation.shape[0])
            moment = Moment(observation[None], _none(observation, self._policy)[None], nothing[None], nothing[None])
            return self._policy.act(self._vector[None], moment, None)[0][0].clamp(-1.0, 1.0)
        reset = given[RESET] > 0.0
        leaves = [
            torch.where(reset.reshape(-1, *[1] * (leaf.dim() - 1)), first, leaf)[None]
            for first, leaf in zip(self._first, inputs[len(self.inputs) :], strict=True)
        ]
        action = torch.where(reset[:, None], self._action, given[LAST_ACTION])
        reward = given.get(LAST_REWARD, torch.zeros_like(given[FIRST]))
        reward = torch.where(reset, self._reward, reward)
        moment = Moment(observation[None], action[None], reward[None], given[FIRST][None])
        mean, after = self._policy.act(self._vector[None], moment, unflattened(self._like, leaves))
        return mean[0].clamp(-1.0, 1.0), *(leaf[0] for leaf in flattened(after))


def _none(observation: Tensor, policy: Policy) -> Tensor:
    return observation.new_zeros(observation.shape[0], policy.action_size)


def flattened(state: State) -> list[Tensor]:
    """The tensors of a memory, in order."""
    if state is None:
        return []
    if isinstance(state, Tensor):
        return [state]
    return [leaf for part in state for leaf in flattened(part)]


def unflattened(like: State, leaves: Iterable[Tensor]) -> State:
    """A memory built as another one, with these tensors."""
    return _built(like, iter(leaves))


def _built(like: State, leaves: Iterator[Tensor]) -> State:
    if like is None:
        return None
    if isinstance(like, Tensor):
        return next(leaves)
    parts, kind = [_built(each, leaves) for each in like], type(like)
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
