"""How fast a fleet is: live meta-training beside another build, a crowded world, an export of every method."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bridge_parts.live import MASTERED, ROBOTS
from metabot.meta import META_LEARNERS, make_meta_learner
from metabot.setup.ros import clean_environment

HERE = Path(__file__).resolve().parents[1]
LIVE = Path(__file__).parent / "bridge_parts" / "live.py"
SIZES = (4, 8, 16)
FACTOR = 4.0
"""Simulated seconds per second that a crowded world is asked for."""
_STRETCH_S = 8.0


def run(
    *, other_build: Path | None = None, rounds: int = 20, seeds: int = 2, learners: int = 0, exports: bool = True
) -> list[dict[str, Any]]:
    """Rows of the benchmark.

    Args:
        other_build: folder of another checkout, set up; live meta-training is measured there in turns with this one.
        rounds: of live meta-training.
        seeds: fleets of each build.
        learners: robots that learn beside the crowded world.
        exports: whether policies of all methods are exported.

    Raises:
        ValueError: if there is no such checkout; one line.
    """
    if other_build is not None and not (other_build / ".venv" / "bin" / "python").exists():
        raise ValueError(f"other-build: {other_build} has no .venv; allowed: a checkout after `make setup`")
    if rounds < 2 or seeds < 1:
        raise ValueError(f"rounds: {rounds}, seeds: {seeds}; allowed: at least 2 rounds of 1 seed")
    rows = _live(other_build, rounds, seeds)
    rows += [_crowd(count, learners) for count in SIZES]
    return rows + (_exports() if exports else [])


def _live(other: Path | None, rounds: int, seeds: int) -> list[dict[str, Any]]:
    """Seconds of a round and until mastery, both builds in turns."""
    ours: list[list[dict[str, Any]]] = []
    theirs: list[list[dict[str, Any]]] = []
    for seed in range(seeds):
        ours.append(_fleet(HERE, Path(sys.executable), rounds, seed))
        if other is not None:
            theirs.append(_fleet(other, other.absolute() / ".venv" / "bin" / "python", rounds, seed))
    rows = []
    for what, measure in (("a round", _per_round), (f"until {MASTERED:.0%} after adaptation", _mastered)):
        mine, peer = (_mean([measure(each) for each in runs]) for runs in (ours, theirs))
        rows.append(
            {
                "case": f"live meta-training, drive-goal, {ROBOTS} robots, meta-sgd: {what}",
                "value": mine,
                "unit": "s",
                "peer": peer,
                "ratio": None if peer is None or mine is None else round(peer / mine, 2),
            }
        )
    return rows


def _fleet(checkout: Path, python: Path, rounds: int, seed: int) -> list[dict[str, Any]]:
    paths = os.pathsep.join(str(part) for part in (checkout.absolute(), checkout.absolute() / "sim"))
    done = subprocess.run(
        [str(python), str(LIVE), str(rounds), str(seed)],
        cwd=checkout,
        env={**_without_this_build(python.parents[1]), "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _without_this_build(venv: Path) -> dict[str, str]:
    """An environment for another build, which has messages of its own: nothing of this one's may stand before them."""
    environment = clean_environment(os.environ, venv)
    libraries = environment.pop("LD_LIBRARY_PATH", "").split(os.pathsep)
    if others := [folder for folder in libraries if folder and not folder.startswith(sys.prefix)]:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(others)
    return environment


def _per_round(fleet: Sequence[dict[str, Any]]) -> float | None:
    seconds = np.diff([0.0, *(each["seconds"] for each in fleet)])
    return float(np.median(seconds))


def _mastered(fleet: Sequence[dict[str, Any]]) -> float | None:
    return next((each["seconds"] for each in fleet if each["success"] >= MASTERED), None)


def _mean(values: Sequence[float | None]) -> float | None:
    """Their mean; None where one of them never came, or there are none."""
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 2) if known and len(known) == len(values) else None


def _crowd(count: int, learners: int) -> dict[str, Any]:
    """The real-time factor that a simulator holds with so many robots, all of them told what to do."""
    from metabot.bringup.description import FleetDescription, NodeProcess
    from metabot.bringup.domain import DomainLease
    from metabot.bringup.supervisor import Supervisor, fleet_environment
    from metabot.bringup.world import drawn
    from metabot.nodes.client import FleetClient

    world = drawn("drive-goal", count, 0)
    with DomainLease() as lease, tempfile.TemporaryDirectory() as folder:
        os.environ.update(fleet_environment(lease.domain, Path(folder)))
        nodes = [NodeProcess("simulator", parameters={"real_time_factor": FACTOR})]
        if learners:
            fleet = FleetDescription.of_size(learners, rounds=0)
            nodes += [node for node in fleet.processes() if node.executable in ("meta_learner", "robot_learner")]
        with (
            Supervisor(Path(folder), lease.domain) as supervisor,
            FleetClient(lease.domain, tick=supervisor.watch) as client,
        ):
            supervisor.start(nodes)
            client.publish_task(world)
            view = client.view
            client.wait(lambda: view.world is not None, "the world", 60)
            if learners:
                client.wait(lambda: len(view.robots) == learners, "the learners", 120)
            assert view.world is not None
            started, then = time.monotonic(), view.world.time_s
            client.wait(lambda: time.monotonic() - started > _STRETCH_S, "some time", _STRETCH_S + 60)
            held = (view.world.time_s - then) / (time.monotonic() - started)
    beside = f" beside {learners} learners" if learners else ""
    return {
        "case": f"a world of {count} robots{beside}, asked for {FACTOR:g} simulated seconds per second",
        "value": round(held, 2),
        "unit": "x",
        "peer": None,
        "ratio": None,
    }


def _exports() -> list[dict[str, Any]]:
    """Seconds of an export with its whole proof, by method, after one that has loaded what exporting takes."""
    from metabot.deploy.contract import PolicyContract
    from metabot.deploy.export import export_policy
    from metabot.policy.threads import one_torch_thread
    from metabot.problems import make_problem
    from metabot.problems.interface import interface_of

    one_torch_thread()
    problem, rows = make_problem("drive-goal"), []
    for name in ("meta-sgd", *META_LEARNERS):
        learner = make_meta_learner(name, problem)
        meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
        contract = PolicyContract(interface_of(problem), learner.policy.layout.hash, method=name)
        started = time.monotonic()
        export_policy(None, learner.policy, learner.start(meta).detach().numpy(), contract, problem=problem)
        rows.append(
            {
                "case": f"export with its proof, {name}",
                "value": round(time.monotonic() - started, 2),
                "unit": "s",
                "peer": None,
                "ratio": None,
            }
        )
    return rows[1:]
