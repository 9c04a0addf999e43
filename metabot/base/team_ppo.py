"""IPPO and MAPPO: PPO of a team whose critic sees what one agent sees, or what all do; many tasks at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.base.policies import policy_for
from metabot.base.ppo import PPOConfig, ppo_losses
from metabot.base.rollout import rollout
from metabot.experience import Episodes
from metabot.experience.advantage import generalised, normalised
from metabot.policy import MLP, GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class TeamPPOConfig(PPOConfig):
    """Hyper-parameters of `IPPO` and `MAPPO`."""

    trace: float = 0.95
    """λ of generalised advantage estimation."""
    value_weight: float = 0.5
    """Of the critic's squared error beside the policy's objective."""
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if not 0.0 <= self.trace <= 1.0:
            raise ValueError(f"trace: {self.trace} is not in [0, 1]")
        if not self.value_weight > 0.0:
            raise ValueError(f"value_weight: {self.value_weight} is not above 0")


class IPPO(BaseLearner):
    """Independent PPO (de Witt et al. 2020): to each agent the others are part of the world.

    All agents share one actor and one critic, which sees what the agent does. Rewards are each
    agent's own, as the problem pays them.
    """

    name = "ippo"
    policy: GaussianMLP
    Config: ClassVar[type[TeamPPOConfig]] = TeamPPOConfig

    def __init__(self, problem: Problem, config: TeamPPOConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if its actions are discrete; one line.
        """
        if problem.discrete:
            raise ValueError(f"{self.name}: the actions of {problem.name} are discrete; allowed: continuous ones")
        self.config = config or TeamPPOConfig()
        self.policy = policy_for(problem, self.config.hidden)
        self.critic = MLP((self._state_size(problem), *self.config.hidden, 1))
        self._actor = self.policy.layout.prefixed("actor/")
        self.layout = self._actor + self.critic.layout.prefixed("critic/")

    def _state_size(self, problem: Problem) -> int:
        return problem.observation_size

    def states(self, experience: Episodes) -> Tensor:
        """What the critic sees, (tasks, episodes * agents, steps, state_size)."""
        return experience.observations

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `BaseLearner.initial`."""
        critic = self.critic.layout.flatten(self.critic.initial(rng))
        return np.concatenate([self.policy.initial(rng), critic])

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; the last batch is as small as what is left."""
        variable = start.detach().clone().requires_grad_(True)
        # One Adam serves all tasks: it works element by element.
        adam = torch.optim.Adam([variable], lr=self.config.step)
        done = 0
        while done < episodes:
            count = min(self.config.batch, episodes - done)
            experience = rollout(problem, self.policy, self.acting(variable.detach())[1], tasks, count, rng)
            weights, targets = self._judge(variable.detach(), experience)
            for _ in range(self.config.epochs):
                adam.zero_grad()
                self.losses(variable, experience, weights, targets).sum().backward()
                adam.step()
            done += count
            told(done, float(experience.success.mean()))
        return variable.detach().clone()

    def losses(self, parameters: Tensor, experience: Episodes, weights: Tensor, targets: Tensor) -> Tensor:
        """PPO's clipped objective and the critic's squared error of every task, (tasks,).

        Args:
            parameters: (tasks, layout.size).
            experience: of the parameters before.
            weights: advantages, like the rewards.
            targets: what the critic should have said, like the rewards.
        """
        error = (self.values(parameters, experience) - targets).square() * experience.mask
        gain = ppo_losses(self.policy, self.acting(parameters)[1], experience, weights, self.config.clip)
        return gain + self.config.value_weight * error.sum((1, 2)) / experience.mask.sum((1, 2))

    def values(self, parameters: Tensor, experience: Episodes) -> Tensor:
        """What the critic expects before each step, like the rewards."""
        states = self.states(experience)
        views = self.critic.layout.view(parameters[:, self._actor.size :])
        return self.critic(views, states.flatten(1, 2)).reshape(states.shape[:3])

    @torch.no_grad()
    def _judge(self, parameters: Tensor, experience: Episodes) -> tuple[Tensor, Tensor]:
        """Advantages and targets of the critic."""
        values, mask = self.values(parameters, experience), experience.mask
        rewards = experience.rewards * mask
        gains = generalised(rewards, values, mask, self.config.discount, self.config.trace)
        return normalised(gains, mask), (gains + values) * mask


class MAPPO(IPPO):
    """Multi-agent PPO (Yu et al. 2022): the critic sees what all agents of the episode see.

    The joint observation begins with the agent's own, so that one critic serves all of them
    (section 5.2 there, an agent-specific global state). Acting needs no critic.
    """

    name = "mappo"

    def _state_size(self, problem: Problem) -> int:
        return problem.observation_size * problem.agents

    def states(self, experience: Episodes) -> Tensor:
        """See `IPPO.states`."""
        return joint(experience.observations, experience.agents)


def joint(observations: Tensor, agents: int) -> Tensor:
    """What all agents of an episode observe, each time with the agent's own first.

    Args:
        observations: (tasks, episodes * agents, steps, observation_size), agents next to each other.
        agents: of an episode.

    Returns:
        (tasks, episodes * agents, steps, agents * observation_size).
    """
    apart = observations.unflatten(1, (-1, agents))
    turned = [apart.roll(-shift, dims=2) for shift in range(agents)]
    return torch.cat(turned, dim=-1).flatten(1, 2)
