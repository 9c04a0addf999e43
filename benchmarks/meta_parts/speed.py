"""Second-order MAML on sine regression: meta-steps per second beside peers, and what a meta-step costs."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.meta_parts.rows import Row, in_fresh_process, row
from metabot.meta import MetaBatch
from metabot.meta.maml import MAML, MAMLConfig
from metabot.meta.objective import RegressionObjective
from metabot.policy import MLP
from metabot.problems.sine import SineRegression

PEER = Path(__file__).parents[1] / "peers" / "maml_sine.py"
PEERS = {"torchopt": ("TorchOpt", 6), "higher": ("higher", 12)}
"""Name, and how many times faster metabot has to be."""
PROCESS = Path("/proc/self")
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**17)}
"""With this, glibc takes arrays from the system one by one and gives them back at once."""
PINNED = "torch==2.13.0 torchopt==0.7.3 higher==0.2.1"


class Sizes(NamedTuple):
    """How much is measured.

    Attributes:
        blocks: blocks of each contestant, in turns.
        block: meta-steps of a block.
        tasks: numbers of tasks whose cost is measured, with the network of the paper.
        widths: hidden units per layer whose cost is measured, with 25 tasks.
        inner_steps: numbers of inner steps whose memory is measured.
        points: points of each task there: many, so that what is kept of a step is large.
        compile: whether compiled updates are measured.
    """

    blocks: int = 15
    block: int = 30
    tasks: tuple[int, ...] = (1, 10, 100, 1000)
    widths: tuple[int, ...] = (40, 100, 315, 1000)
    inner_steps: tuple[int, ...] = (1, 8, 64)
    points: int = 1000
    compile: bool = True


QUICK = Sizes(blocks=2, block=2, tasks=(1, 4), widths=(8,), inner_steps=(1, 4), points=200, compile=False)


class Cost(NamedTuple):
    """What a meta-step cost in a process of its own.

    Attributes:
        seconds: median of one meta-step.
        memory_mib: by how much the process grew at most.
        parameters: of the network.
    """

    seconds: float
    memory_mib: float
    parameters: int


def run(sizes: Sizes, peers_python: Path | None) -> list[Row]:
    """Rows of speed, of cost and of memory."""
    torch.set_num_threads(1)
    return [*_beside_peers(sizes, peers_python), *_costs(sizes), *_rematerialised(sizes)]


def meta_step(
    *, tasks: int = 25, points: int = 10, width: int = 40, inner_steps: int = 1, again: bool = False, compiled: bool
) -> tuple[Callable[[], None], int]:
    """A meta-step of second-order MAML, the same batch every time; and the number of parameters."""
    config = MAMLConfig(
        inner_step=0.01,
        inner_steps=inner_steps,
        outer_step=1e-3,
        outer_epochs=1,
        rematerialise=again,
        compile=compiled,
    )
    learner = MAML(RegressionObjective(MLP((1, width, width, 1), "relu")), config)
    problem, rng = SineRegression(), np.random.default_rng(0)
    drawn = problem.sample(rng, tasks)
    batch = MetaBatch(problem.draw(drawn, points, rng), problem.draw(drawn, points, rng))
    meta = torch.from_numpy(learner.initial(rng))

    def step() -> None:
        nonlocal meta
        meta, _ = learner.update(meta, batch)

    return step, learner.layout.size


def _beside_peers(sizes: Sizes, python: Path | None) -> list[Row]:
    ours = {"eager": meta_step(compiled=False)[0]}
    if sizes.compile:
        ours["compiled"] = meta_step(compiled=True)[0]
    with ExitStack() as stack:
        contestants: dict[str, Callable[[], float]] = {
            name: lambda step=step: _timed(step, sizes.block)  # type: ignore[misc]
            for name, step in ours.items()
        }
        if python is not None:
            contestants |= {library: _peer(stack, python, library, sizes.block) for library in PEERS}
        for contestant in contestants.values():
            contestant()
        # In turns, so that a machine that slows down slows all of them.
        seconds = [{name: measure() for name, measure in contestants.items()} for _ in range(sizes.blocks)]
    rates = {name: sizes.block / float(np.median([block[name] for block in seconds])) for name in contestants}
    rows = []
    for name in ours:
        case = f"MAML on sine, 25 tasks, 10+10 points, MLP 40-40, one thread, {name}"
        if python is None:
            rows.append(row(case, rates[name], "meta-steps/s"))
        for library, (shown, bar) in PEERS.items() if python is not None else ():
            ratio = float(np.median([block[library] / block[name] for block in seconds]))
            rows.append(row(f"{case}: over {shown} (>= {bar})", rates[name], "meta-steps/s", rates[library], ratio))
    return rows


def _peer(stack: ExitStack, python: Path, library: str, block: int) -> Callable[[], float]:
    """What makes a peer's process compute a block, and returns the seconds that it took."""
    process = stack.enter_context(
        subprocess.Popen(
            [str(python), str(PEER), library, "25", "10", str(block)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )
    assert process.stdin is not None and process.stdout is not None
    asked, answered = process.stdin, process.stdout
    stack.callback(asked.close)
    if answered.readline().strip() != "ready":
        raise ValueError(f"peers-python: {python} cannot run {library}; install {PINNED} there")

    def measure() -> float:
        asked.write("\n")
        asked.flush()
        return float(answered.readline())

    return measure


def _timed(step: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        step()
    return time.perf_counter() - started


def cost(tasks: int, points: int, width: int, inner_steps: int, again: bool) -> Cost:
    """Measure an uncompiled meta-step; for a fresh process, whose peak of memory is its own."""
    small, _ = meta_step(tasks=1, width=4, compiled=False)
    small()
    peak = _PeakMemory()
    step, parameters = meta_step(
        tasks=tasks, points=points, width=width, inner_steps=inner_steps, again=again, compiled=False
    )
    step()
    repeats = 5
    seconds = float(np.median([_timed(step, 1) for _ in range(repeats)]))
    return Cost(seconds, peak.growth_mib(), parameters)


def _cost(*arguments: Any) -> Cost:
    """What `cost` finds in fresh processes: of time as it is, of memory where freed arrays are given back.

    The heap of the C library keeps the room of freed arrays and cannot always use it again: its growth says
    more about the allocator than about what has to be kept.
    """
    usual = in_fresh_process(cost, *arguments)
    return usual._replace(memory_mib=in_fresh_process(cost, *arguments, environment=GIVE_BACK).memory_mib)


class _PeakMemory:
    """By how much this process grows at most from now on."""

    def __init__(self) -> None:
        self._linux = PROCESS.exists()
        if self._linux:
            # `getrusage` would count the peak of the process that started this one, too.
            (PROCESS / "clear_refs").write_text("5")
        self._before = self._read_mib("VmRSS")

    def growth_mib(self) -> float:
        return self._read_mib("VmHWM") - self._before

    def _read_mib(self, field: str) -> float:
        if not self._linux:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        lines = (PROCESS / "status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 2**10


def _costs(sizes: Sizes) -> list[Row]:
    rows = []
    cases = [(tasks, 40) for tasks in sizes.tasks] + [(25, width) for width in sizes.widths]
    for tasks, width in cases:
        found = _cost(tasks, 10, width, 1, False)
        case = f"a meta-step of {tasks} task{'s' * (tasks > 1)}, {found.parameters:,} parameters"
        rows.append(row(f"{case}: time", found.seconds * 1e3, "ms"))
        rows.append(row(f"{case}: memory", found.memory_mib, "MiB"))
    return rows


def _rematerialised(sizes: Sizes) -> list[Row]:
    """Growth of the peak of memory by an inner step; the parameters alone would be the peer."""
    first, last = sizes.inner_steps[0], sizes.inner_steps[-1]
    found = {
        (steps, again): _cost(25, sizes.points, 40, steps, again) for steps in (first, last) for again in (False, True)
    }
    rows = []
    for again in (False, True):
        start, end = found[first, again], found[last, again]
        per_step = (end.memory_mib - start.memory_mib) / (last - first)
        parameters = 25 * end.parameters * 4 / 2**20
        name = "rematerialised" if again else "kept"
        case = f"an inner step, 25 tasks, {sizes.points} points, {name}"
        rows.append(row(f"{case}: memory over that of the parameters", per_step, "MiB", parameters))
        rows.append(row(f"{case}: time of {last} steps and back", end.seconds * 1e3, "ms"))
    return rows
