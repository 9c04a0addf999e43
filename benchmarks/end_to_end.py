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
from metabot.base import policy_for, rollout
from metabot.base.imitators import ImitatorConfig, imitators
from metabot.bringup.world import drawn
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.harness.training import load_trained
from metabot.meta import adapted
from metabot.params import load_checkpoint, save_checkpoint
from metabot.policy import Policy
from metabot.policy.threads import one_torch_thread
from metabot.problems import Problem, make_problem
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
IMITATED = {
    "grasp-sort": ImitatorConfig(
        rounds=24, episodes=24, updates=700, batch=2048, noise=0.15, expert_noise=0.1, expert_decay=0.85
    ),
    "deliver": ImitatorConfig(
        rounds=24, episodes=16, updates=700, batch=2048, noise=0.15, expert_noise=0.1, expert_decay=0.85
    ),
}
"""Teams that learn here, healthy, from their expert."""
HIDDEN = (256, 256)
EPISODES = 8
"""Of adaptation."""
TRIALS = 32
"""Episodes in the simulation alone."""


@dataclass(frozen=True)
class _Play:
    """A policy for one world, and how well it does there in the simulation alone."""

    world: TaskSpec
    policy: Policy
    parameters: torch.Tensor
    problem: Problem
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
        ours = 1 if isinstance(play.problem, PartnerProblem) else len(play.world.robots)
        with tempfile.TemporaryDirectory() as folder:
            files = _files(play, ours, Path(folder))
            done.append(float(policies_drive(play.world, files, play.command)[:ours].mean()))
    what = RELEASED.get(name, "imitation of the expert, healthy robots")
    return {
        "case": f"{name}, {what}: robots that did their part through topics, {len(plays)} worlds",
        "value": round(100 * float(np.mean(done)), 1),
        "unit": "%",
        "peer": round(100 * alone, 1),
        "ratio": round(float(np.mean(done)) / alone, 2) if alone else None,
    }


def _files(play: _Play, robots: int, folder: Path) -> Mapping[int, Path]:
    files = {}
    contract = PolicyContract(interface_of(play.problem), play.policy.layout.hash, family=play.problem.name)
    content = export_policy(None, play.policy, play.parameters.numpy(), contract).content
    for index in range(robots):
        files[index] = folder / f"{index}.onnx"
        files[index].write_bytes(made_for(content, play.problem, index))
    return files


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
        yield _Play(world, policy, parameters, problem, _success(problem, policy, parameters, task), command)


def _commanding(told: Callable[[Any, float], np.ndarray]) -> Command:
    return lambda env, time_s: told(env.rules, time_s)


def _imitated(name: str, worlds: int, kept: Path) -> Iterator[_Play]:
    found, config = family(name), IMITATED[name]
    problem = make_problem(name)
    assert has_stated_tasks(problem)
    healthy = found.spec(problem.agents)
    task = problem.state(healthy)
    policy = policy_for(problem, HIDDEN)
    path = kept / f"{name}.checkpoint"
    if path.exists():
        learned = torch.from_numpy(load_checkpoint(path, policy.layout).vector)
    else:

        def told(fraction: float) -> None:
            print(f"{name}: {fraction:.0%} of learning from the expert", flush=True)

        rows, spent = imitators(problem, policy, [task[None]], np.random.default_rng([0, 1]), config, told)
        learned = rows[0]
        kept.mkdir(parents=True, exist_ok=True)
        save_checkpoint(path, learned.numpy(), policy.layout, {"family": name, "env_steps": spent})
    success = _success(problem, policy, learned, task)
    for number in range(worlds):
        world = drawn(name, problem.agents, number)
        # Places of a task, robots and objects as they come from the factory.
        robots = tuple(
            robot.model_copy(update={"dynamics": like.dynamics})
            for robot, like in zip(world.robots, healthy.robots, strict=True)
        )
        usual = {"size_m", "mass_kg", "friction"}
        objects = tuple(
            thing.model_copy(update={field: getattr(like, field) for field in usual})
            for thing, like in zip(world.objects, healthy.objects, strict=True)
        )
        world = world.model_copy(update={"robots": robots, "objects": objects})
        yield _Play(world, policy, learned, problem, success)
