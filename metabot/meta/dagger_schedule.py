"""Who acts in DAgger's training episodes, and with how much noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_LEAST_SHARE = 0.005


def expert_share(updates: int, expert_updates: int, decay: float) -> float:
    """The share of steps in which the expert acts, β of Ross et al. 2011 (arXiv:1011.0686), algorithm 3.1.

    Args:
        updates: begun so far, this one not among them.
        expert_updates: updates at the start in which the expert acts alone.
        decay: factor by which the share falls with every later one.
    """
    return decay ** max(0, updates + 1 - expert_updates)


def helped_by(share: float) -> str:
    """What is to be said beside a success rate of episodes in which an expert acts; nothing where it does not.

    Args:
        share: of their steps, see `expert_share`.
    """
    return f", an expert acting in {share:.0%} of the steps" if share >= _LEAST_SHARE else ""


def half_without_noise(tasks: int, rng: np.random.Generator) -> Tensor:
    """Factors on the spread of each task's actions, float32 (tasks,) in [0, 1].

    Half of the tasks are without noise, which is how the policy will act; the rest see what mistakes lead to.
    """
    return torch.from_numpy(np.maximum(rng.uniform(-1.0, 1.0, tasks), 0.0).astype(np.float32))
