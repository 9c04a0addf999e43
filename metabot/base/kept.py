"""DQN and SAC with hindsight, by Stable-Baselines3, behind the interface of every base learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.params import Layout
from metabot.problems import Problem

Algorithm = Literal["dqn", "sac"]


@dataclass(frozen=True)
class KeptConfig:
    """Hyper-parameters of `KeptLearner`.

    Attributes:
        algorithm: "dqn" for discrete actions, "sac" for continuous ones.
        hindsight: relabel goals (Andrychowicz et al. 2017, "future" strategy); needs `Problem.goals`.
        settings: keyword arguments of the library's class.
    """

    algorithm: Algorithm = "sac"
    hindsight: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


class OneTask(gymnasium.Env[Any, Any]):
    """One task of a problem as a Gymnasium environment; a goal environment where hindsight is wanted."""

    def __init__(self, problem: Problem, task: np.ndarray, rng: np.random.Generator, hindsight: bool = False) -> None:
        """Wrap a task.

        Raises:
            ValueError: if hindsight is wanted of a problem without goals, or several robots act.
        """
        if problem.agents != 1:
            raise ValueError(f"{problem.name}: {problem.agents} robots act in an episode; allowed: one")
        self._problem, self._task, self._rng, self._hindsight = problem, task, rng, hindsight
        seen = gymnasium.spaces.Box(-np.inf, np.inf, (problem.observation_size,), np.float32)
        self.observation_space = seen
        if hindsight:
            problem.begin(task[None], rng)
            goals = problem.goals()
            if goals is None:
                raise ValueError(f"hindsight: {problem.name} has no goals; allowed: false")
            goal = gymnasium.spaces.Box(-np.inf, np.inf, goals[0].shape[1:], np.float32)
            self.observation_space = gymnasium.spaces.Dict(
                {"observation": seen, "achieved_goal": goal, "desired_goal": goal}
            )
        self.action_space = (
            gymnasium.spaces.Discrete(problem.discrete)
            if problem.discrete
            else gymnasium.spaces.Box(-1.0, 1.0, (problem.action_size,), np.float32)
        )
        self.success = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; the random numbers are the learner's."""
        self._steps = 0
        return self._seen(self._problem.begin(self._task[None], self._rng)), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One control step."""
        self._steps += 1
        step = self._problem.step(np.asarray(action, dtype=np.float32).reshape(1, -1))
        self.success = bool(step.success[0])
        over = self._steps >= self._problem.horizon
        return self._seen(step.observations), float(step.rewards[0]), bool(step.ended[0]), over, {}

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """The reward in hindsight."""
        return self._problem.goal_rewards(achieved, desired)

    def _seen(self, observations: np.ndarray) -> Any:
        if not self._hindsight:
            return observations[0]
        goals = self._problem.goals()
        assert goals is not None
        return {"observation": observations[0], "achieved_goal": goals[0][0], "desired_goal": goals[1][0]}


class KeptLearner(BaseLearner):
    """A library's learner, one task after the other.

    Its parameters are those of the library's networks, targets included, as one flat vector; replay
    buffer and optimiser start afresh with every `learn`.
    """

    name = "stable-baselines3"

    def __init__(self, problem: Problem, config: KeptConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if algorithm and actions, or hindsight and problem, do not go together.
        """
        self.config = config or KeptConfig()
        self._problem = problem
        if (self.config.algorithm == "dqn") != bool(problem.discrete):
            kind, allowed = ("discrete", "dqn") if problem.discrete else ("continuous", "sac")
            raise ValueError(
                f"algorithm: {self.config.algorithm} cannot choose the {kind} actions of {problem.name};"
                f" allowed: {allowed}"
            )
        task = problem.sample(np.random.default_rng(0), 1)[0]
        self._model = self._make(OneTask(problem, task, np.random.default_rng(0), self.config.hindsight), 0)
        state = self._model.policy.state_dict()
        self.layout = Layout.of({name: tuple(value.shape) for name, value in state.items()})

    def _make(self, env: OneTask, seed: int) -> Any:
        from stable_baselines3 import DQN, SAC, HerReplayBuffer

        settings: dict[str, Any] = {"seed": seed, "device": "cpu", **self.config.settings}
        if self.config.hindsight:
            settings |= {"replay_buffer_class": HerReplayBuffer}
        policy = "MultiInputPolicy" if self.config.hindsight else "MlpPolicy"
        return {"dqn": DQN, "sac": SAC}[self.config.algorithm](policy, env, **settings)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """As the library initialises its networks."""
        task = self._problem.sample(rng, 1)[0]
        env = OneTask(self._problem, task, rng, self.config.hindsight)
        return self._vector(self._make(env, int(rng.integers(2**31))))

    def _vector(self, model: Any) -> np.ndarray:
        return self.layout.flatten({name: value.numpy() for name, value in model.policy.state_dict().items()})

    def _load(self, model: Any, vector: np.ndarray) -> None:
        views = self.layout.view(torch.from_numpy(np.array(vector)))
        model.policy.load_state_dict(views)

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; so many steps as that many whole episodes have."""
        learned = []
        for task, vector in zip(tasks, start.detach().numpy(), strict=True):
            env = OneTask(problem, task, rng, self.config.hindsight)
            model = self._make(env, int(rng.integers(2**31)))
            self._load(model, vector)
            model.learn(episodes * problem.horizon)
            learned.append(self._vector(model))
            told(episodes * len(learned) // len(tasks), float(env.success))
        return torch.from_numpy(np.array(learned))

    def act(self, parameters: Tensor, observations: np.ndarray) -> np.ndarray:
        """See `BaseLearner.act`."""
        tasks, episodes = observations.shape[:2]
        actions = np.empty((tasks, episodes, self._problem.action_size), dtype=np.float32)
        goals = self._problem.goals() if self.config.hindsight else None
        for row in range(tasks):
            self._load(self._model, parameters[row].numpy())
            seen: Any = observations[row]
            if goals is not None:
                where = slice(row * episodes, (row + 1) * episodes)
                seen = {"observation": seen, "achieved_goal": goals[0][where], "desired_goal": goals[1][where]}
            chosen, _ = self._model.predict(seen, deterministic=True)
            actions[row] = np.asarray(chosen, dtype=np.float32).reshape(episodes, -1)
        return actions
