"""What `metabot learn` keeps: a base learner's parameters for one task, read back, and its policies as ONNX files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.base.registry import base_learner
from metabot.base.versus import Versus
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import Exported, check_target, export_policy
from metabot.meta.config import configured, set_fields, with_tuples
from metabot.params import CheckpointError, load_checkpoint, save_checkpoint
from metabot.policy import TeamPolicy
from metabot.problems import Problem, check_split, make_problem
from metabot.problems.interface import interface_of
from metabot.problems.partner import has_stated_tasks
from metabot.task import TaskDistribution, TaskSpec

_FACTS = ("learner", "settings", "episodes", "family", "robots", "split", "task", "spec")


@dataclass(frozen=True)
class SingleTask:
    """The one task that a base learner learns.

    Attributes:
        family: a problem, see `metabot.problems.make_problem`.
        robots: how many act in an episode; the family's fewest by default.
        split: of the task.
        task: its number.
        spec: a `TaskSpec` as a dictionary, whose scene and dynamics hold in place of the number's.
    """

    family: str
    robots: int | None = None
    split: str = "train"
    task: int = 0
    spec: Mapping[str, Any] | None = None

    @property
    def named(self) -> str:
        """How people call it."""
        return f"{self.split} task {self.task}" if self.spec is None else "the task of its specification"

    def made(self, threads: int = 1) -> tuple[Problem, np.ndarray]:
        """The problem, and (1, …) rows of what it samples.

        Raises:
            ValueError: if there is no such problem or task; one line.
        """
        check_split(self.split)
        scene = None if self.spec is None else TaskSpec.parse(dict(self.spec))
        problem = make_problem(TaskDistribution(family=self.family, robots=self.robots, scene=scene), threads=threads)
        if scene is None:
            return problem, problem.numbered(self.task, self.split)
        if not has_stated_tasks(problem):
            raise ValueError(f"spec: the tasks of {self.family} are its own; allowed: a family of the simulation")
        return problem, problem.state(scene)[None]


@dataclass(frozen=True)
class Learned:
    """A learned task.

    Attributes:
        learner: that learned it.
        settings: of the learner, that differ from its default.
        task: what was learned.
        problem: where.
        rows: (1, …) of what the problem samples: the task.
        parameters: (learner.layout.size,).
        episodes: that it took.
    """

    learner: BaseLearner
    settings: Mapping[str, Any]
    task: SingleTask
    problem: Problem
    rows: np.ndarray
    parameters: Tensor
    episodes: int

    @classmethod
    def begun(
        cls, learner: str, settings: Mapping[str, Any], task: SingleTask, seed: int = 0, threads: int = 1
    ) -> Learned:
        """Nothing learned yet: the parameters that learning begins with.

        Args:
            learner: a key of `metabot.base.registry.BASE_LEARNERS`.
            settings: fields of its configuration that are to differ from the default.
            task: what is to be learned.
            seed: of the parameters.
            threads: simulation threads.

        Raises:
            ValueError: if there is no such learner, setting or task, or they do not go together; one line.
        """
        entry = base_learner(learner)
        config = configured(entry.config, settings)
        problem, rows = task.made(threads)
        made = entry.make(problem, config)
        start = torch.from_numpy(made.initial(np.random.default_rng([seed, 0])))
        return cls(made, set_fields(config), task, problem, rows, start, 0)

    def after(self, episodes: int, seed: int = 0, told: Told = lambda episodes, success: None) -> Learned:
        """What is learned in so many episodes.

        Args:
            episodes: of the task.
            seed: of starts, goals and exploration.
            told: called now and then.
        """
        rng = np.random.default_rng([seed, 1])
        learned = self.learner.learn(self.problem, self.rows, self.parameters[None], episodes, rng, told)
        return replace(self, parameters=learned[0], episodes=self.episodes + episodes)

    def facts(self) -> dict[str, Any]:
        """What says how it was learned, as JSON has it."""
        return {
            "learner": self.learner.name,
            **asdict(self.task),
            "robots": self.problem.agents,
            "settings": dict(self.settings),
            "episodes": self.episodes,
        }

    def save(self, path: Path, told: Mapping[str, Any] | None = None) -> None:
        """Write it.

        Args:
            path: the file.
            told: other facts to go with it.
        """
        save_checkpoint(path, self.parameters.numpy(), self.learner.layout, {**self.facts(), **(told or {})})

    @classmethod
    def load(cls, path: Path, threads: int = 1) -> Learned:
        """What `metabot learn --out` wrote.

        Raises:
            CheckpointError: if the file holds something else; one line.
        """
        found = load_checkpoint(path)
        info = found.info
        if missing := [name for name in _FACTS if name not in info]:
            raise CheckpointError(
                f"policy: {path} does not say its {missing[0]}: an earlier metabot wrote it; learn it again"
            )
        if not isinstance(info["settings"], dict) or not isinstance(info["episodes"], int):
            raise CheckpointError(f"policy: {path} says nothing that can be its settings and episodes; learn it again")
        task = SingleTask(**{name: info[name] for name in ("family", "robots", "split", "task", "spec")})
        begun = cls.begun(info["learner"], with_tuples(info["settings"]), task, threads=threads)
        if begun.learner.layout != found.layout:
            raise CheckpointError(
                f"policy: {path} has layout {found.layout.hash}, {info['learner']} has"
                f" {begun.learner.layout.hash} on {task.family}; learn it again"
            )
        return replace(begun, parameters=torch.from_numpy(found.vector), episodes=info["episodes"])

    @property
    def named(self) -> str:
        """What was learned, and in how many episodes, for people."""
        return f"{self.task.named}, {self.episodes} episodes"

    def export(
        self,
        path: Path | None,
        robot: int = 0,
        seed: int = 0,
        told: Callable[[str], None] = lambda what: None,
    ) -> Exported:
        """A robot's policy as an ONNX file, proved beside those of its team.

        Args:
            path: the file to write, if any.
            robot: whose.
            seed: of the proof.
            told: called with what is being done.

        Raises:
            ValueError: if no robot could be driven so, or the file acts otherwise than PyTorch; one line.
        """
        problem = self.problem
        face = interface_of(problem, robot)
        if path is not None:
            check_target(path)
        policy, parameters = self.learner.acting(self.parameters)
        proved: Problem = problem
        if isinstance(policy, TeamPolicy):
            proved = Versus(problem, policy, robot, parameters[None], explore=False)
            parameters, policy = policy.of_robot(parameters, robot), policy.member
        contract = PolicyContract(
            robot=face,
            layout_hash=policy.layout.hash,
            method=self.learner.name,
            settings=dict(self.settings),
            family=self.task.family,
            adapted=self.named,
        )
        told("converting to ONNX and driving with both")
        return export_policy(path, policy, parameters.numpy(), contract, problem=proved, tasks=self.rows, seed=seed)


def holds_learned(path: Path) -> bool:
    """Whether a file is what `metabot learn` wrote.

    Raises:
        CheckpointError: if it is a damaged checkpoint, or none; one line.
    """
    return path.is_file() and "learner" in load_checkpoint(path).info
