"""Learned policies end to end: trained or released, adapted, exported, and driving robots through topics."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bridge_parts.worlds import Command, made_for, policies_drive
from metabot.base import rollout
from metabot.bringup.world import drawn
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.harness.learned import Learned, SingleTask
from metabot.harness.training import load_trained
from metabot.meta import adapted
from metabot.policy import Policy
from metabot.policy.threads import one_torch_thread
from metabot.problems import Problem
from metabot.problems.interface import interface_of
from metabot.problems.partner import PartnerProblem, has_stated_tasks
from metabot.task import TaskSpec
from metabot_sim.families.registry import family

MODELS = Path(__file__).resolve().parents[1] / "models"
RELEASED = {
    "drive-goal": "context-dynamics-drive-goal",
    "drive-push-partner": "task-inference-drive-push-partner",
    "drive-pursuit-opponent": "task-inference-drive-pursuit-opponent",
    "grasp-place": "ridge-dynamics-grasp-place",
}
"""Models that come with metabot, by the problem that they were trained on."""
IMITATED = {"drive-push": 360, "grasp-sort": 480, "deliver": 264}
"""Teams that learn here from their expert, each robot with faults of its own, and in how many episodes."""
EPISODES = 8
"""Of adaptation."""
TRIALS = 32
"""Episodes in the simulation alone."""


@dataclass(frozen=True)
class _Play:
    """Policies for one world, and how well they do there in the simulation alone.

    Attributes:
        world: the task.
        contents: ONNX, by the number of the robot.
        success: share of episodes in the simulation alone.
        command: of the other robots.
    """

    world: TaskSpec
    contents: Mapping[int, bytes]
    success: float
    command: Command | None = None


def run(
    *,
    problems: tuple[str, ...] = (),
    worlds: int = 5,
    kept: Path = Path("runs/end-to-end"),
) -> list[dict[str, Any]]:
    """Rows of the benchmark: robots that did their part through topics; the peer is the same in the simulation alone.

    Args:
        problems: of `RELEASED` and `IMITATED`; all by default.
        worlds: of each.
        kept: folder for what is learned here, which is not learned again.

    Raises:
        ValueError: if there is no such problem; one line.
    """
    one_torch_thread()
    known = [*RELEASED, *IMITATED]
    for name in problems:
        if name not in known:
            raise ValueError(f"problems: no {name!r}; allowed: {', '.join(known)}")
    if worlds < 1:
        raise ValueError(f"worlds: {worlds} is below 1")
    rows = []
    for name in problems or known:
        plays = _released(name, worlds) if name in RELEASED else _imitated(name, worlds, kept)
        rows.append(_row(name, list(plays)))
        print(f"{rows[-1]['case']}: {rows[-1]['value']} {rows[-1]['unit']}", flush=True)
    return rows


def _row(name: str, plays: list[_Play]) -> dict[str, Any]:
    done, alone = [], float(np.mean([play.success for play in plays]))
    for play in plays:
        with tempfile.TemporaryDirectory() as folder:
            files = {index: Path(folder) / f"{index}.onnx" for index in play.contents}
            for index, content in play.contents.items():
                files[index].write_bytes(content)
            done.append(float(policies_drive(play.world, files, play.command)[list(files)].mean()))
    what = RELEASED.get(name, "imitation of the expert, faults of a task of training")
    return {
        "case": f"{name}, {what}: robots that did their part through topics, {len(plays)} worlds",
        "value": round(100 * float(np.mean(done)), 1),
        "unit": "%",
        "peer": round(100 * alone, 1),
        "ratio": round(float(np.mean(done)) / alone, 2) if alone else None,
    }


def _success(problem: Problem, policy: Policy, parameters: torch.Tensor, task: np.ndarray) -> float:
    rng = np.random.default_rng(7)
    played = rollout(problem, policy, parameters[None], task[None], TRIALS, rng, deterministic=True)
    return float(played.success.mean())


def _released(name: str, worlds: int) -> Iterator[_Play]:
    training = load_trained(MODELS / RELEASED[name])
    problem, policy = training.problem, training.learner.policy
    for number in range(worlds):
        command: Command | None = None
        if isinstance(problem, PartnerProblem):
            rng = np.random.default_rng([number, 3])
            task = problem.sample(rng, 1, "held-out")[0]
            world, told = problem.world(task, rng)
            command = _commanding(told)
        else:
            assert has_stated_tasks(problem)
            world = drawn(name, 1, number, "held-out")
            task = problem.state(world)
        parameters = adapted(training.learner, training.meta, problem, task, EPISODES, number)
        contract = PolicyContract(interface_of(problem), policy.layout.hash, family=problem.name)
        content = export_policy(None, policy, parameters.numpy(), contract).content
        ours = 1 if isinstance(problem, PartnerProblem) else len(world.robots)
        contents = {index: made_for(content, problem, index) for index in range(ours)}
        yield _Play(world, contents, _success(problem, policy, parameters, task), command)


def _commanding(told: Callable[[Any, float], np.ndarray]) -> Command:
    return lambda env, time_s: told(env.rules, time_s)


def _imitated(name: str, worlds: int, kept: Path) -> Iterator[_Play]:
    team = family(name).robots[0]
    first = drawn(name, team, 0)
    path, task = kept / f"{name}.checkpoint", SingleTask(name, spec=first.model_dump(mode="json"))
    if not path.exists():

        def told(episodes: int, success: float) -> None:
            print(f"{name}: {episodes} of {IMITATED[name]} episodes of learning from the expert", flush=True)

        kept.mkdir(parents=True, exist_ok=True)
        Learned.begun("imitation", {}, task).after(IMITATED[name], told=told).save(path)
    learned = Learned.load(path)
    contents = {index: learned.export(None, index).content for index in range(team)}
    success, _ = learned.learner.play(
        learned.problem, learned.rows, learned.parameters[None], TRIALS, np.random.default_rng(7)
    )
    for number in range(worlds):
        world = drawn(name, team, number)
        # Places of a task of its own, robots and objects of the first.
        robots = tuple(
            robot.model_copy(update={"dynamics": like.dynamics})
            for robot, like in zip(world.robots, first.robots, strict=True)
        )
        same = {"size_m", "mass_kg", "friction"}
        objects = tuple(
            thing.model_copy(update={field: getattr(like, field) for field in same})
            for thing, like in zip(world.objects, first.objects, strict=True)
        )
        world = world.model_copy(update={"robots": robots, "objects": objects})
        yield _Play(world, contents, float(success.mean()))
