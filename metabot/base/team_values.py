"""VDN and QMIX: one reward for a team, shared out to its agents' values; many tasks side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.base.mixing import Mixer, Monotonic, Sum
from metabot.base.primitives import primitives
from metabot.base.team_replay import TeamReplay, play_team
from metabot.policy import MLP
from metabot.problems import Problem


@dataclass(frozen=True)
class TeamValuesConfig:
    """Hyper-parameters of `VDN` and `QMIX`."""

    step: float = 1e-3
    """Step size of Adam."""
    discount: float = 0.97
    batch: int = 8
    """Episodes of each task that are played between updates."""
    updates: int = 20
    """Adam steps after each of these."""
    minibatch: int = 128
    """Steps of each task in an Adam step."""
    capacity: int = 20_000
    """Steps of each task that are remembered."""
    max_gradient_norm: float = 10.0
    """Of each task's gradient."""
    target_every: int = 100
    """Adam steps after which the targets' parameters are renewed."""
    exploration: float = 1.0
    """Share of random actions at the start."""
    exploration_end: float = 0.05
    """The same from the middle of learning on; in between it falls evenly."""
    levels: int = 3
    """Values of each continuous command, see `primitives`."""
    hidden: tuple[int, ...] = (64, 64)
    embedding: int = 32
    """Hidden units of QMIX's mixing network."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("step", "max_gradient_norm"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        for name in ("discount", "exploration", "exploration_end"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")
        for name in ("batch", "updates", "minibatch", "capacity", "target_every", "embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if self.levels < 2:
            raise ValueError(f"levels: {self.levels} is below 2")


class VDN(BaseLearner):
    """Value decomposition (Sunehag et al. 2018): what the team is worth is the sum of its agents' values.

    All agents share one network, which is told which of them asks. The reward of a step is the mean
    of the agents'. Learned off-policy from remembered steps, with targets by parameters of before
    (Rashid et al. 2018, equation 6).
    """

    name = "vdn"
    Config: ClassVar[type[TeamValuesConfig]] = TeamValuesConfig

    def __init__(self, problem: Problem, config: TeamValuesConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if its actions are too many; one line.
        """
        self.config = config or TeamValuesConfig()
        self.agents = problem.agents
        self.actions = torch.from_numpy(primitives(problem, self.config.levels))
        sizes = (problem.observation_size + self.agents, *self.config.hidden, len(self.actions))
        self.network = MLP(sizes, "relu", last_gain=0.1)
        self.mixer = self.make_mixer(problem.observation_size * self.agents)
        self.layout = self.network.layout.prefixed("agent/") + self.mixer.layout.prefixed("mixer/")

    def make_mixer(self, state_size: int) -> Mixer:
        """What makes the agents' values the team's."""
        return Sum()

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `BaseLearner.initial`."""
        arrays = {f"agent/{name}": value for name, value in self.network.initial(rng).items()}
        return self.layout.flatten(arrays | {f"mixer/{n}": value for n, value in self.mixer.initial(rng).items()})

    def values(self, parameters: Tensor, observations: Tensor) -> Tensor:
        """Value of every action to every agent, (tasks, points, agents, choices).

        Args:
            parameters: (tasks, layout.size).
            observations: (tasks, points, agents, observation_size).
        """
        tasks, points = observations.shape[:2]
        who = torch.eye(self.agents).expand(tasks, points, -1, -1)
        seen = torch.cat([observations, who], dim=-1).reshape(tasks, points * self.agents, -1)
        found = self.network(self._part(parameters, "agent/"), seen)
        return found.reshape(tasks, points, self.agents, -1)

    def team_value(self, parameters: Tensor, values: Tensor, observations: Tensor) -> Tensor:
        """Value of a joint action, (tasks, points); the state is what all agents see.

        Args:
            parameters: (tasks, layout.size).
            values: (tasks, points, agents) of the actions chosen.
            observations: (tasks, points, agents, observation_size).
        """
        return self.mixer(self._part(parameters, "mixer/"), values, observations.flatten(2))

    def _part(self, parameters: Tensor, prefix: str) -> dict[str, Tensor]:
        views = self.layout.view(parameters)
        return {name.removeprefix(prefix): view for name, view in views.items() if name.startswith(prefix)}

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`."""
        config = self.config
        variable = start.detach().clone().requires_grad_(True)
        target = start.detach().clone()
        optimiser = torch.optim.Adam([variable], lr=config.step)
        replay = TeamReplay(config.capacity)
        done = steps = 0
        while done < episodes:
            count = min(config.batch, episodes - done)
            share = config.exploration + (config.exploration_end - config.exploration) * min(1.0, 2.0 * done / episodes)

            def choose(observations: Tensor, share: float = share) -> Tensor:
                best = self.values(variable.detach(), observations).argmax(-1)
                return torch.where(
                    torch.from_numpy(rng.random(best.shape)) < share,
                    torch.from_numpy(rng.integers(len(self.actions), size=best.shape)),
                    best,
                )

            played, success = play_team(problem, tasks, count, rng, choose, self.actions)
            replay.add(played)
            done += count
            for _ in range(config.updates):
                optimiser.zero_grad()
                self.loss(variable, target, *replay.draw(config.minibatch, rng)).sum().backward()
                assert variable.grad is not None
                variable.grad.copy_(torch.renorm(variable.grad, 2.0, 0, config.max_gradient_norm))
                optimiser.step()
                steps += 1
                if steps % config.target_every == 0:
                    target = variable.detach().clone()
            told(done, success)
        return variable.detach().clone()

    def loss(
        self,
        parameters: Tensor,
        target: Tensor,
        observations: Tensor,
        chosen: Tensor,
        reward: Tensor,
        following: Tensor,
        ended: Tensor,
    ) -> Tensor:
        """Mean squared temporal difference of every task, (tasks,).

        Args:
            parameters: (tasks, layout.size).
            target: the same of before, which says what the next step is worth.
            observations: (tasks, points, agents, observation_size).
            chosen: (tasks, points, agents) numbers of actions.
            reward: (tasks, points) of the team.
            following: like `observations`, after the step.
            ended: (tasks, points) 1 where nothing follows.
        """
        values = self.values(parameters, observations).gather(-1, chosen[..., None])[..., 0]
        with torch.no_grad():
            best = self.team_value(target, self.values(target, following).max(-1).values, following)
            wanted = reward + self.config.discount * (1.0 - ended) * best
        return (self.team_value(parameters, values, observations) - wanted).square().mean(1)

    def act(self, parameters: Tensor, observations: np.ndarray) -> np.ndarray:
        """See `BaseLearner.act`: each agent's best action; agents of an episode are next to each other."""
        tasks, rows = observations.shape[:2]
        seen = torch.from_numpy(observations).reshape(tasks, rows // self.agents, self.agents, -1)
        with torch.no_grad():
            best = self.values(parameters, seen).argmax(-1)
        return self.actions[best].reshape(tasks, rows, -1).numpy()


class QMIX(VDN):
    """QMIX (Rashid et al. 2018): the team's value rises with each agent's, by how much depends on the state."""

    name = "qmix"

    def make_mixer(self, state_size: int) -> Mixer:
        """See `VDN.make_mixer`."""
        return Monotonic(self.agents, state_size, self.config.embedding)
