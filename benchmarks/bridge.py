"""Which method on which problem trains, learns in a fleet, leaves as ONNX and drives over ROS: each one exercised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import metabot
import metabot_sim
from benchmarks.bridge_parts.cells import cell
from benchmarks.bridge_parts.page import page as as_page
from benchmarks.bridge_parts.worlds import expert_drives, world_of
from metabot.bringup.world import drawn, rehearsed
from metabot.harness.measure.stored import load_rows
from metabot.meta import META_LEARNERS
from metabot.params.atomic import atomic_file
from metabot.policy.threads import one_torch_thread
from metabot.problems import make_problem
from metabot.problems.partner import PartnerProblem
from metabot.task import TaskDistribution
from metabot_sim.families.registry import GYMNASIUM, available, family

PARTNERS = ("drive-push-partner", "drive-pursuit-opponent")
WORLDS = 3
"""Of each family, in which the expert drives."""


def run(
    *,
    families: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
    kept: Path = Path("runs/bridge/cells.json"),
    page: Path | None = None,
    stored: Path | None = None,
    also: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """Rows of the benchmark.

    Args:
        families: problems of the simulation; all by default.
        methods: meta-learners; all by default.
        kept: finished rows, which are not made again while the code is the same.
        page: also write the table there, as Markdown.
        stored: make nothing: the rows that an earlier run wrote.
        also: files of results of other benchmarks that the page shows, too.

    Raises:
        ValueError: if there is no such problem or method; one line.
    """
    if stored is not None:
        report = load_rows(stored, ("case", "value"), "result of `metabot bench bridge`")
    else:
        from metabot.provenance import made_by

        one_torch_thread()
        known = [name for name in available() if not name.startswith(GYMNASIUM)]
        known += [*PARTNERS, *(name for name in available() if name.startswith(GYMNASIUM))]
        for option, given, allowed in (("families", families, known), ("methods", methods, list(META_LEARNERS))):
            for name in given:
                if name not in allowed:
                    raise ValueError(f"{option}: no {name!r}; allowed: {', '.join(allowed)}")
        store = _Kept(kept)
        rows = [row for name in families or known for row in _rows(name, methods or tuple(META_LEARNERS), store)]
        report = {**made_by(), "command": "metabot bench bridge", "rows": rows}
    if page is not None:
        kinds = {name: each.kind for name, each in META_LEARNERS.items()}
        fields = ("case", "value", "unit", "peer", "ratio")
        others = [load_rows(Path(each), fields, "result of a benchmark") for each in also]
        with atomic_file(page) as file:
            file.write(as_page(report, kinds, others).encode())
    found: list[dict[str, Any]] = report["rows"]
    return found


class _Kept:
    """Rows in a file, forgotten where the code is another."""

    def __init__(self, path: Path) -> None:
        self._path, self._code = path, _code()
        self._rows: dict[str, dict[str, Any]] = {}
        if path.exists():
            found = json.loads(path.read_text())
            if found.get("code") == self._code:
                self._rows = found["rows"]

    def get(self, key: str) -> dict[str, Any] | None:
        return self._rows.get(key)

    def put(self, key: str, row: dict[str, Any]) -> None:
        self._rows[key] = row
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._path) as file:
            file.write(json.dumps({"code": self._code, "rows": self._rows}).encode())


def _code() -> str:
    digest = hashlib.sha256()
    for package in (metabot, metabot_sim):
        for path in sorted(Path(package.__file__).parent.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _rows(name: str, methods: tuple[str, ...], kept: _Kept) -> Iterator[dict[str, Any]]:
    partner = name in PARTNERS
    problem = make_problem(name)
    played = family(problem.behaviour.family) if isinstance(problem, PartnerProblem) else family(name)
    world = drawn(played.name, played.robots[0], 0)
    distribution = TaskDistribution(family=name) if partner else rehearsed(world)
    if not partner and not name.startswith(GYMNASIUM):
        key = f"{name} expert"
        row = kept.get(key)
        if row is None:
            row = _expert(name)
            kept.put(key, row)
        _say(row)
        yield row
    missing = [method for method in methods if kept.get(f"{name} {method}") is None]
    if missing:
        with world_of(world, 1 if partner else len(world.robots)) as drive:
            for method in missing:
                found = cell(distribution, None if partner else world, method, drive)
                kept.put(f"{name} {method}", found.row())
                _say(kept.get(f"{name} {method}"))
    for method in methods:
        row = kept.get(f"{name} {method}")
        assert row is not None
        yield row


def _expert(name: str) -> dict[str, Any]:
    found, robots = family(name), 0
    did = []
    for number in range(WORLDS):
        world = drawn(name, found.robots[0], number)
        robots = len(world.robots)
        reached = expert_drives(world)
        did.append(float(reached.any()) if found.mode in ("competitive", "mixed") else float(reached.mean()))
    return {
        "case": f"{name}, the expert over topics",
        "value": round(100 * float(np.mean(did)), 1),
        "unit": "%",
        "peer": None,
        "ratio": None,
        "family": name,
        "robots": robots,
        "worlds": WORLDS,
    }


def _say(row: dict[str, Any] | None) -> None:
    assert row is not None
    why = next((row[part] for part in ("train", "fleet", "export", "drive") if row.get(part)), "")
    print(f"{row['case']}: {row['value']} {row['unit']}" + (f" ({why})" if why else ""), flush=True)
