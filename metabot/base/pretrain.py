"""One policy for all tasks: learning without meta-learning, and without adaptation (domain randomisation)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from metabot.base.ppo import ppo_losses
from metabot.base.rollout import rollout
from metabot.experience import advantages
from metabot.policy import GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class PretrainConfig:
    """Hyper-parameters of `pretrain`, the same as the meta-learner's outer loop where they exist."""

    tasks: int = 24
    episodes: int = 16
    """Episodes of each task per iteration: as many as a fleet spends before and after its inner step."""
    step: float = 2e-3
    epochs: int = 4
    clip: float = 0.2
    discount: float = 0.97
    max_gradient_norm: float = 1.0


def pretrain(
    problem: Problem,
    policy: GaussianMLP,
    env_steps: int,
    seed: int,
    config: PretrainConfig | None = None,
    progress: Callable[[float, float], None] = lambda fraction, success: None,
) -> tuple[np.ndarray, int]:
    """Train one policy on the whole task distribution with PPO (domain randomisation).

    Args:
        problem: where to train.
        policy: whose parameters are trained.
        env_steps: budget of simulated control steps; the last iteration ends within it.
        seed: of everything.
        config: hyper-parameters.
        progress: called after every iteration with the share done and the success rate.

    Returns:
        (policy.layout.size,) parameters and the control steps spent.
    """
    config = config or PretrainConfig()
    rng = np.random.default_rng([seed, 3])
    variable = torch.from_numpy(policy.initial(rng)).requires_grad_(True)
    optimiser = torch.optim.Adam([variable], lr=config.step)
    per_episode = config.tasks * problem.horizon
    spent = 0
    # The last iteration is as small as what is left; one episode alone has nothing to compare with.
    while (episodes := min(config.episodes, (env_steps - spent) // per_episode)) >= 2:
        tasks = problem.sample(rng, config.tasks)
        experience = rollout(problem, policy, variable.detach().expand(config.tasks, -1), tasks, episodes, rng)
        spent += experience.env_steps
        weights = advantages(experience, config.discount)
        for _ in range(config.epochs):
            optimiser.zero_grad()
            ppo_losses(policy, variable.expand(config.tasks, -1), experience, weights, config.clip).mean().backward()
            torch.nn.utils.clip_grad_norm_([variable], config.max_gradient_norm)
            optimiser.step()
        progress(spent / env_steps, float(experience.success.mean()))
    return variable.detach().numpy().copy(), spent
