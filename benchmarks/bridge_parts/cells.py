"""One method on one problem: it trains, its fleet closes a round, its policy leaves as ONNX and drives over ROS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.bridge_parts.worlds import Drive
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import Exported, export_policy
from metabot.fleet import Closed, RoundConfig, RoundKeeper, weighted_mean
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import adapted, make_meta_learner
from metabot.nodes.learning import Learning, update_of
from metabot.problems import make_problem
from metabot.problems.interface import interface_of
from metabot.problems.partner import has_stated_tasks
from metabot.task import TaskDistribution, TaskSpec

PARTS = ("train", "fleet", "export", "drive")
TASKS, EPISODES = 2, 1
PROVED = 8
"""Episodes in which a file is proved."""
_SHORT = {"outer_steps": 10, "members": 4, "policy_steps": 10, "encoder_steps": 10, "epochs": 2}
"""Values of settings with which every method computes all that it computes, a few times."""


@dataclass(frozen=True)
class Cell:
    """What works, by part: empty, or why it does not.

    Attributes:
        family: the problem's name.
        method: the method's.
        train: an update of `metabot train`.
        fleet: a robot's share of a round, taken by the meta-learner's.
        export: a proved ONNX file of a policy that has adapted to the world's task.
        drive: the file drives every robot of a world through topics.
        export_s: seconds that the file took, its short proof included; None without one.
        parity_max_abs: largest difference of its actions from PyTorch's; None without one.
    """

    family: str
    method: str
    train: str = ""
    fleet: str = ""
    export: str = ""
    drive: str = ""
    export_s: float | None = None
    parity_max_abs: float | None = None

    def row(self) -> dict[str, Any]:
        """As a row of a benchmark."""
        works = sum(not getattr(self, part) for part in PARTS)
        return {
            "case": f"{self.family}, {self.method}: of {', '.join(PARTS)} work",
            "value": works,
            "unit": f"of {len(PARTS)}",
            "peer": None,
            "ratio": None,
            **asdict(self),
        }


def cell(distribution: TaskDistribution, world: TaskSpec | None, method: str, drive: Drive) -> Cell:
    """Exercise one method on one problem.

    Args:
        distribution: of the tasks that are learned from.
        world: a task whose robots adapt and drive; None where no specification states one.
        method: a key of `metabot.meta.META_LEARNERS`.
        drive: gives robots of a world their files; what went wrong, or nothing.
    """
    found = Cell(distribution.family, method)
    try:
        settings = _short(method, distribution)
        training = Training(
            TrainingConfig(
                method,
                distribution.family,
                distribution.robots,
                env_steps=10**9,
                tasks=TASKS,
                episodes=EPISODES,
                settings=settings,
                spec=None if distribution.scene is None else distribution.scene.model_dump(mode="json"),
            )
        )
        training.step()
    except ValueError as refusal:
        why = _line(refusal)
        return replace(found, train=why, fleet=why, export=why, drive=why)
    found = replace(found, fleet=_refusal(lambda: _round(training, method, settings, distribution)))
    files: list[tuple[Exported, float]] = []
    why = _refusal(lambda: files.append(_exported(training, method, settings, world)))
    if why:
        return replace(found, export=why, drive=why)
    ((file, export_s),) = files
    found = replace(found, export_s=round(export_s, 1), parity_max_abs=float(f"{file.parity_max_abs:.2g}"))
    return replace(found, drive=drive(file.content, training.problem))


def _refusal(call: Callable[[], None]) -> str:
    try:
        call()
    except ValueError as refusal:
        return _line(refusal)
    return ""


def _line(refusal: ValueError) -> str:
    return str(refusal).splitlines()[0]


def _short(method: str, distribution: TaskDistribution) -> dict[str, Any]:
    config = asdict(make_meta_learner(method, make_problem(distribution)).config)
    return {name: min(value, config[name]) for name, value in _SHORT.items() if name in config}


def _round(training: Training, method: str, settings: dict[str, Any], distribution: TaskDistribution) -> None:
    """As nodes do it, in one process: a robot learns from parameters, the round closes, the next ones are finite."""
    learning = Learning.of(method, json.dumps(settings), distribution.model_dump_json())
    robot = learning.robot("robot_1", tasks=TASKS, episodes=EPISODES)
    vector = training.meta.numpy()
    keeper = RoundKeeper(RoundConfig(("robot_1",)), learning.identity, learning.learner.layout.size)
    keeper.open(0, 0.0)
    update = update_of(robot.learn(vector, 0), "robot_1", 0, learning.identity, 1.0)
    keeper.receive(update, 0.0)
    closed = keeper.poll(0.1)
    assert isinstance(closed, Closed)
    new = vector + weighted_mean(closed.updates)
    assert np.isfinite(new).all() and new.shape == vector.shape


def _exported(
    training: Training, method: str, settings: dict[str, Any], world: TaskSpec | None
) -> tuple[Exported, float]:
    problem, policy = training.problem, training.learner.policy
    if problem.discrete:
        raise ValueError(f"family: {problem.name} has discrete actions; allowed: problems with continuous ones")
    if world is not None and has_stated_tasks(problem):
        task = problem.state(world, world.robots[0].name)
    else:
        task = problem.sample(np.random.default_rng(1), 1, "test")[0]
    parameters = adapted(training.learner, training.meta, problem, task, EPISODES).numpy()
    contract = PolicyContract(
        interface_of(problem), policy.layout.hash, 1, method=method, settings=settings, family=problem.name
    )
    started = time.monotonic()
    file = export_policy(None, policy, parameters, contract, problem=problem, tasks=task[None], episodes=PROVED)
    return file, time.monotonic() - started
