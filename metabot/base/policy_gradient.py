"""Policy-gradient losses of one task, functions of one parameter vector."""

from __future__ import annotations

import torch
from torch import Tensor

from metabot.policy import GaussianMLP


def policy_gradient_loss(
    policy: GaussianMLP,
    parameters: Tensor,
    observations: Tensor,
    actions: Tensor,
    log_probs: Tensor,
    weights: Tensor,
    steps: Tensor,
) -> Tensor:
    """The likelihood-ratio surrogate -Σ (π(a|o) / π_old(a|o)) A / N of one task.

    At the parameters that acted its value is the vanilla policy gradient's; its second
    derivative also carries how the parameters changed the data, which differentiating through
    an inner step needs (Rothfuss et al. 2019, ProMP, equation 12: low variance curvature).

    Args:
        policy: the policy.
        parameters: (policy.layout.size,).
        observations: (episodes, steps, observation_size).
        actions: (episodes, steps, action_size).
        log_probs: (episodes, steps) of the acting policy.
        weights: (episodes, steps) advantages, zero where a step does not count.
        steps: () number of steps that count.
    """
    ratio = torch.exp(policy.log_prob(parameters, observations, actions) - log_probs)
    return -(ratio * weights).sum() / steps


def clipped_surrogate(
    policy: GaussianMLP,
    parameters: Tensor,
    observations: Tensor,
    actions: Tensor,
    log_probs: Tensor,
    weights: Tensor,
    steps: Tensor,
    *,
    clip: float = 0.2,
) -> Tensor:
    """PPO's clipped objective as a loss (Schulman et al. 2017, equation 7); arguments as above."""
    ratio = torch.exp(policy.log_prob(parameters, observations, actions) - log_probs)
    clipped = torch.clamp(ratio, 1.0 - clip, 1.0 + clip)
    return -torch.minimum(ratio * weights, clipped * weights).sum() / steps
