"""A policy whose memory is a filter: at every step it infers what its task hides, and acts on that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.context import CONTEXT, context_layout, dense, without_copies
from metabot.policy.information_encoder import InformationEncoder, Sums
from metabot.policy.latent import LATENT, LatentMLP
from metabot.policy.policy import Moment, Policy, State

_ENCODER = "encoder/"
_PRECISION, _INFORMATION, _STEPS = (CONTEXT + name for name in ("precision", "information", "steps"))


class _Known(NamedTuple):
    """What goes from step to step: what all steps said so far, and what was seen last."""

    sums: Sums
    observation: Tensor


class FilterPolicy(Policy):
    """π(a | o, z), a `LatentMLP`, whose context z an `InformationEncoder` infers from all steps so far.

    What a step said is added up, in the order of time or any other, so the memory does not fade, and steps of
    former episodes, which begin the sums, count like those of this one. A robot that has seen no step reads a
    context of zero.

    Attributes:
        network: acts in a context.
        encoder: infers it.
    """

    def __init__(self, network: LatentMLP, encoder: InformationEncoder, change_size: float = 1.0) -> None:
        """Put the two together.

        Args:
            network: acts in a context.
            encoder: infers it.
            change_size: what changes of observations, and rewards, are divided by before they are looked at.
        """
        self.network, self.encoder, self._change_size = network, encoder, change_size
        self.observation_size, self.action_size = network.observation_size, network.action_size
        size = encoder.belief_size
        sums = Layout.of({_PRECISION: (size, size), _INFORMATION: (size,), _STEPS: (1,)})
        self.layout = network.layout + encoder.layout.prefixed(_ENCODER) + sums + context_layout(self.action_size)
        self._begins = network.layout.size, network.layout.size + encoder.layout.size

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,), that remember nothing."""
        parts = (self.network.initial(rng), self.encoder.initial(rng))
        return np.concatenate([*parts, np.zeros(self.layout.size - self._begins[1], dtype=np.float32)])

    def log_std(self, parameters: Tensor) -> Tensor:
        """See `Policy.log_std`."""
        return self.network.log_std(parameters[..., : self._begins[0]])

    def encoding(self, parameters: Tensor) -> Tensor:
        """The encoder's part of the parameters, (..., encoder.layout.size)."""
        return parameters[..., self._begins[0] : self._begins[1]]

    def remembering(self, parameters: Tensor, sums: Sums) -> Tensor:
        """The same parameters with what was gone through in several tasks.

        Args:
            parameters: (layout.size,).
            sums: of all steps of each task, tasks first.

        Returns:
            (tasks, layout.size).
        """
        count = len(sums.steps)
        ends = torch.zeros(count, self.action_size + 1)
        known = [sums.precision.flatten(1), sums.information, sums.steps[:, None], ends]
        return torch.cat([parameters[: self._begins[1]].expand(count, -1), *known], dim=1)

    def begin(self, parameters: Tensor, episodes: int) -> State:
        """See `Policy.begin`."""
        views = self.layout.view(parameters)
        parts = (views[_PRECISION], views[_INFORMATION], views[_STEPS][:, 0])
        sums = Sums(*(part[:, None].expand(-1, episodes, *part.shape[1:]) for part in parts))
        return _Known(sums, torch.zeros(len(parameters), episodes, self.observation_size))

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """See `Policy.act`; what the step before said is known from now on."""
        alone = without_copies(parameters)
        alone = alone[0] if len(alone) == 1 else alone
        # The last step of the episode before was remembered with that, or nothing followed it.
        new = 1.0 - moment.first
        if moment.alive is not None:
            new = new * moment.alive
        changes = torch.cat([moment.reward[..., None], moment.observation - state.observation], dim=-1)
        whole = torch.cat([state.observation, moment.action.clamp(-1.0, 1.0), changes / self._change_size], dim=-1)
        rows = self._measured(alone, whole) * new[..., None, None]
        slopes, values = rows[..., :-1], rows[..., -1:]
        turned = slopes.transpose(-1, -2)
        sums = state.sums.plus(Sums(turned @ slopes, (turned @ values)[..., 0], new))
        mean = self._mean(self.layout.view(alone), moment.observation, self._inferred(alone, sums))
        return mean, _Known(sums, moment.observation)

    def _inferred(self, parameters: Tensor, sums: Sums) -> Tensor:
        """Contexts, (tasks, episodes, latent_size)."""
        encoding = self.encoding(parameters)
        read = self.encoder.read(encoding, sums)
        nothing = self.layout.view(parameters)[LATENT][..., None, :]
        return torch.where(sums.steps[..., None] > 0, read, nothing)

    def _measured(self, parameters: Tensor, whole: Tensor) -> Tensor:
        return self.encoder.measured(self.encoding(parameters), whole)

    def _mean(self, views: Mapping[str, Tensor], observation: Tensor, context: Tensor) -> Tensor:
        """Mean actions, each in a context of its own, (tasks, episodes, action_size).

        The network's layers are not put together for every context, as `LatentMLP.network` does: there are as
        many contexts as observations.
        """
        network = self.network
        parts = [observation, context]
        if network.products:
            parts.append((observation[..., None] * context[..., None, :]).flatten(-2))
        value = torch.cat(parts, dim=-1)
        count = network.weight_sets
        if count:
            shares = network.shares(network.shares_of(views), context)[..., None]
        for index in range(network.mlp.depth):
            weight, bias = f"weight_{index}", f"bias_{index}"
            after = dense(value, views[weight], views[bias])
            if count:
                sets = network.sets_of(views, weight), network.sets_of(views, bias)
                each = dense(value, sets[0].flatten(-3, -2), sets[1].flatten(-2))
                after = after + (shares * each.unflatten(-1, (count, -1))).sum(-2)
            value = torch.tanh(after) if index < network.mlp.depth - 1 else after
        return value
