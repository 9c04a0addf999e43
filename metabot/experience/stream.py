"""`Stream`: what a policy with a memory went through, the episodes of a trial as one sequence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from metabot.experience.episodes import Episodes


@dataclass(frozen=True)
class Stream:
    """The steps of several trials one after the other, without those after an episode's end.

    Trials have lengths of their own; what stands behind a trial's last step is not `valid` and
    follows all that is, so that nothing that looks back in time ever sees it.

    Attributes:
        observation: (trials, steps, observation_size).
        last_action: (trials, steps, action_size), the one of the step before.
        last_reward: (trials, steps) that it brought.
        first: (trials, steps), 1 at the first step of an episode.
        action: (trials, steps, action_size) that was taken.
        reward: (trials, steps) that it brought.
        log_prob: (trials, steps) of the action under the policy that acted.
        valid: (trials, steps), 1 where there is a step.
        expert: (trials, steps, action_size), what an expert would have done; None if nobody was asked.
    """

    observation: Tensor
    last_action: Tensor
    last_reward: Tensor
    first: Tensor
    action: Tensor
    reward: Tensor
    log_prob: Tensor
    valid: Tensor
    expert: Tensor | None = None

    @classmethod
    def of(cls, trials: Episodes) -> Stream:
        """The stream of trials that began with no memory.

        Args:
            trials: one per row, its episodes in the order of time.
        """
        rows, episodes, steps = trials.mask.shape
        order = torch.argsort(1.0 - trials.mask.reshape(rows, -1), dim=1, stable=True)
        lengths = trials.mask.sum((1, 2)).long()
        order = order[:, : int(lengths.max())]
        valid = (torch.arange(order.shape[1]) < lengths[:, None]).to(trials.mask.dtype)

        def in_order(values: Tensor) -> Tensor:
            flat = values.reshape(rows, episodes * steps, -1)
            taken = flat.gather(1, order[..., None].expand(-1, -1, flat.shape[-1]))
            # A stray number behind the end would reach gradients as zero times itself.
            return torch.where(valid[..., None] > 0, taken, torch.zeros(()))

        def shifted(values: Tensor) -> Tensor:
            return torch.cat([torch.zeros_like(values[:, :1]), values[:, :-1]], dim=1)

        first = torch.zeros_like(trials.rewards)
        first[..., 0] = 1.0
        action, reward = in_order(trials.actions), in_order(trials.rewards)[..., 0]
        return cls(
            in_order(trials.observations),
            shifted(action),
            shifted(reward),
            in_order(first)[..., 0],
            action,
            reward,
            in_order(trials.log_probs)[..., 0],
            valid,
            None if trials.expert is None else in_order(trials.expert),
        )

    @property
    def lengths(self) -> Tensor:
        """Steps of every trial, (trials,) int64."""
        return self.valid.sum(1).long()

    @property
    def finite(self) -> Tensor:
        """Whether a trial holds finite numbers only, (trials,) bool."""
        kept = [value for value in self._values().values() if value is not None]
        return torch.stack([torch.isfinite(value).flatten(1).all(1) for value in kept]).all(0)

    def rows(self, which: Tensor) -> Stream:
        """Some of the trials, cut where the longest of them ends.

        Args:
            which: (n,) numbers or (trials,) bool.
        """
        steps = int(self.valid[which].sum(1).max()) if len(self.valid[which]) else 0
        cut: dict[str, Any] = {n: None if v is None else v[which][:, :steps] for n, v in self._values().items()}
        return Stream(**cut)

    def _values(self) -> dict[str, Tensor | None]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
