"""The simulator beside its peers (bare `Batch.step`, `AsyncVectorEnv`, EnvPool) and another build; big fleets."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from mujoco.batch import Batch
from rich.console import Console

from metabot_sim.env import FleetEnv
from metabot_sim.families.registry import family
from metabot_sim.robots import diffdrive

VEL = mujoco.mjtStage.mjSTAGE_VEL
PEERS = Path(__file__).with_name("peers")
ROOT = Path(__file__).resolve().parents[1]


class Sizes(NamedTuple):
    """How much is measured.

    Attributes:
        sims: simulations of a batch.
        warm_up: steps before the clock runs, long enough that episodes end at different times.
        block: steps timed together.
        blocks: blocks of each contestant, in turns.
        fleets: robots per scene.
        memory_sims: simulations whose memory is measured.
        threads: threads, and workers of peers; as many as cores by default.
    """

    sims: int = 256
    warm_up: int = 60
    block: int = 10
    blocks: int = 11
    fleets: tuple[int, ...] = (1, 2, 4, 8, 16)
    memory_sims: int = 1024
    threads: int = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Row = dict[str, Any]


def run(
    sizes: Sizes | None = None, *, envpool_python: Path | None = None, other_build: Path | None = None
) -> list[Row]:
    """Rows of the benchmark; how each is measured stands in docs/explanation/simulation-speed.md.

    Args:
        sizes: how much is measured.
        envpool_python: interpreter of an environment where EnvPool is installed.
        other_build: root of another checkout of this repository; then this build is compared with that one alone.

    Raises:
        ValueError: if that interpreter cannot import EnvPool, or that checkout cannot play.
    """
    sizes = sizes or Sizes()
    rows: list[Row] = []
    console = Console(stderr=True)
    for title, case in _cases(sizes, envpool_python) if other_build is None else _builds(sizes, other_build):
        with console.status(f"{title} …"):
            rows.extend(case())
    return rows


def _cases(sizes: Sizes, envpool_python: Path | None) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    for name, robots in (("drive-goal", 1), ("drive-goal", 3), ("grasp-place", 1)):
        if importlib.util.find_spec(f"metabot_sim.families.{name.replace('-', '_')}"):
            fewest, _, most = family(name).robots
            if fewest <= robots <= most:
                yield f"{name} against Batch.step", lambda n=name, r=robots: [_against_bare(sizes, n, r)]  # type: ignore[misc]
    yield "AsyncVectorEnv", lambda: [_against_async(sizes)]
    python = envpool_python or (Path(sys.executable) if importlib.util.find_spec("envpool") else None)
    if python is not None:
        yield "EnvPool", lambda: [_against_envpool(sizes, python)]
    yield "robots per scene", lambda: _fleets(sizes)
    yield "memory", lambda: [_memory(sizes, robots) for robots in (1, 3)]


def _builds(sizes: Sizes, other: Path) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    for name in ("drive-goal", "grasp-place"):
        for policy in ("random", "expert", "episodes"):
            yield f"{name}, {policy}: builds", lambda n=name, p=policy: [_against_build(sizes, other, n, p)]  # type: ignore[misc]


def _row(case: str, value: float, unit: str, peer: float | None = None, ratio: float | None = None) -> Row:
    """A row; the ratio is value over peer unless given."""
    if peer is not None and ratio is None:
        ratio = value / peer
    return {
        "case": case,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "peer": None if peer is None else float(f"{peer:.4g}"),
        "ratio": None if ratio is None else round(float(ratio), 2),
    }


def _against_bare(sizes: Sizes, name: str, robots: int) -> Row:
    """`FleetEnv.step` and `Batch.step` in turns, from the same states with the same controls."""
    env, bare = (FleetEnv(name, sizes.sims, robots=robots, threads=sizes.threads) for _ in range(2))
    batch, substeps = bare.world.batch, bare.world.substeps
    ours, theirs = np.zeros((sizes.blocks, sizes.block)), np.zeros((sizes.blocks, sizes.block))
    for each in (env, bare):
        each.reset(seed=0)
    for step in range(-sizes.warm_up, sizes.blocks * sizes.block):
        actions = env.expert()
        started = time.perf_counter()
        done = env.step(actions)
        middle = time.perf_counter()
        fresh = np.flatnonzero(~done.alive | done.diverged)
        batch.bind("ctrl")[:] = env.world.ctrl
        peer_started = time.perf_counter()
        batch.step(nstep=substeps, stage=VEL)
        peer_ended = time.perf_counter()
        if len(fresh):
            batch.state[fresh] = env.world.batch.state[fresh]
            batch.forward(fresh, stage=VEL)
        if step >= 0:
            ours.flat[step], theirs.flat[step] = middle - started, peer_ended - peer_started
    ratio = float(np.median(theirs.sum(1) / ours.sum(1)))
    rate = sizes.sims * sizes.block / float(np.median(ours.sum(1)))
    case = (
        f"{name}, {robots} robot{'s' * (robots > 1)}, {sizes.sims} simulations: env step over bare Batch.step (>= 0.85)"
    )
    return _row(case, rate, "steps/s", rate / ratio)


class PlainDriveGoal(gymnasium.Env[np.ndarray, np.ndarray]):
    """drive-goal as one would write it by hand: one `MjData`, `mj_step` in a loop.

    The model, the observation, the reward and the episodes are those of `FleetEnv("drive-goal", robots=1)`.
    """

    def __init__(self) -> None:
        """Compile the same scene."""
        self._source = FleetEnv("drive-goal", 1, robots=1)
        self._model = self._source.world.model
        self._data = mujoco.MjData(self._model)
        self._substeps, self._horizon = self._source.world.substeps, self._source.horizon
        self._radius = self._source.spec.success.radius_m
        self._weights = self._source.spec.reward
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (6,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw gains and a goal, and start."""
        super().reset(seed=seed)
        random = self.np_random
        mujoco.mj_resetData(self._model, self._data)
        self._gain = random.uniform(0.7, 1.0) * random.choice((-1.0, 1.0))
        self._steer = random.uniform(0.8, 1.3) * random.choice((-1.0, 1.0))
        self._bias = random.uniform(-0.25, 0.25)
        distance, bearing = random.uniform(0.8, 2.0), random.uniform(-math.pi, math.pi)
        self._goal = (distance * math.cos(bearing), distance * math.sin(bearing))
        self._data.qpos[:3] = 0.0
        mujoco.mj_forward(self._model, self._data)
        self._steps, self._distance = 0, distance
        return self._observe()[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One control period."""
        forward, turn = min(max(float(action[0]), -1.0), 1.0), min(max(float(action[1]), -1.0), 1.0)
        speed = diffdrive.MAX_SPEED_MPS * self._gain * forward
        half = 0.5 * diffdrive.TRACK_M * diffdrive.MAX_YAW_RATE_RADPS * (self._steer * turn + self._bias)
        self._data.ctrl[:2] = (speed - half) / diffdrive.WHEEL_RADIUS_M, (speed + half) / diffdrive.WHEEL_RADIUS_M
        mujoco.mj_step(self._model, self._data, self._substeps)
        self._steps += 1
        observation, distance = self._observe()
        reached = distance < self._radius
        worth = {"progress": self._distance - distance, "success": float(reached), "effort": forward**2 + turn**2}
        reward = sum(weight * worth.get(name, 0.0) for name, weight in self._weights.items())
        self._distance = distance
        return observation, reward, reached, self._steps >= self._horizon, {}

    def _observe(self) -> tuple[np.ndarray, float]:
        x, y, yaw = self._data.qpos[:3].tolist()
        vx, vy, yaw_rate = self._data.qvel[:3].tolist()
        cos, sin = math.cos(yaw), math.sin(yaw)
        dx, dy = self._goal[0] - x, self._goal[1] - y
        ahead, left = cos * dx + sin * dy, cos * dy - sin * dx
        distance = max(math.hypot(dx, dy), 1e-6)
        scale = diffdrive.GOAL_SCALE_M
        return np.array(
            [
                ahead / scale,
                left / scale,
                ahead / distance,
                left / distance,
                (vx * cos + vy * sin) / diffdrive.MAX_SPEED_MPS,
                yaw_rate / diffdrive.MAX_YAW_RATE_RADPS,
            ],
            dtype=np.float32,
        ), distance


def _against_async(sizes: Sizes) -> Row:
    # A fork of this process would inherit the locks and objects of whatever threads run in it.
    peer = gymnasium.vector.AsyncVectorEnv([PlainDriveGoal] * sizes.threads, context="spawn")
    try:
        peer.reset(seed=0)
        env = FleetEnv("drive-goal", sizes.sims, robots=1, threads=sizes.threads)
        env.reset(seed=0)
        random = np.random.default_rng(0)
        few = random.uniform(-1.0, 1.0, (sizes.threads, 2)).astype(np.float32)
        many = random.uniform(-1.0, 1.0, (sizes.sims, 1, 2))
        # A worker's step is short: more of them make a block.
        calls = 8 * sizes.block
        ours, theirs = _in_turns(
            sizes.blocks,
            lambda: _times(sizes.block, lambda: env.step(many)),
            lambda: _times(calls, lambda: peer.step(few)),
        )
    finally:
        peer.close()
    return _row(
        f"drive-goal, 1 robot: {sizes.sims} simulations over AsyncVectorEnv of {sizes.threads} workers (>= 3)",
        sizes.sims * sizes.block / ours,
        "steps/s",
        sizes.threads * calls / theirs,
    )


class BatchedAnt:
    """Gymnasium's Ant-v4 on `Batch`: 5 substeps, observation, reward, termination and autoreset as arrays."""

    def __init__(self, sims: int, threads: int) -> None:
        """Load ant.xml of the installed Gymnasium."""
        path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "ant.xml"
        model = mujoco.MjModel.from_xml_path(str(path))
        self._batch = Batch(model, sims, threads, persistent=True)
        self._qpos, self._qvel, self._ctrl = (self._batch.bind(name) for name in ("qpos", "qvel", "ctrl"))
        self._period = 5 * model.opt.timestep
        self._random = np.random.default_rng(0)
        self._steps = np.zeros(sims, dtype=np.int64)
        self._reset(np.arange(sims))

    def _reset(self, ids: np.ndarray) -> None:
        self._batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._qpos[ids] += self._random.uniform(-0.1, 0.1, (len(ids), self._qpos.shape[1]))
        self._qvel[ids] += 0.1 * self._random.standard_normal((len(ids), self._qvel.shape[1]))
        self._steps[ids] = 0

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Observations, rewards, terminated, truncated."""
        self._ctrl[:] = actions
        before = self._qpos[:, 0].copy()
        self._batch.step(nstep=5)
        self._steps += 1
        height = self._qpos[:, 2]
        healthy = np.isfinite(self._batch.state).all(1) & (height >= 0.2) & (height <= 1.0)
        rewards = (self._qpos[:, 0] - before) / self._period + healthy - 0.5 * np.square(actions).sum(1)
        truncated = self._steps >= 1000
        ended = np.flatnonzero(truncated | ~healthy)
        if len(ended):
            self._reset(ended)
        return np.concatenate([self._qpos[:, 2:], self._qvel], axis=1), rewards, ~healthy, truncated


def _against_envpool(sizes: Sizes, python: Path) -> Row:
    ant = BatchedAnt(sizes.sims, sizes.threads)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (sizes.sims, 8))
    command = [str(python), str(PEERS / "envpool_ant.py"), str(sizes.sims), str(sizes.threads), str(sizes.block)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def peer() -> float:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        if process.stdout.readline().strip() != "ready":
            raise ValueError(f"envpool-python: {python} cannot run EnvPool; install envpool==1.2.5 there")
        ours, theirs = _in_turns(sizes.blocks, lambda: _times(sizes.block, lambda: ant.step(actions)), peer)
        process.stdin.close()
    steps = sizes.sims * sizes.block
    case = f"Ant-v4, {sizes.sims} simulations: Batch and array functions over EnvPool, {sizes.threads} threads (>= 1)"
    return _row(case, steps / ours, "steps/s", steps / theirs)


def _against_build(sizes: Sizes, other: Path, name: str, policy: str) -> Row:
    """This build and another checkout's, each in a process of its own, in turns."""
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(_build(sizes, root, name, policy)) for root in (ROOT, other.resolve()))
        seconds = np.array(_in_turns(sizes.blocks, ours, theirs))
    rate, peer = sizes.sims * sizes.block / seconds
    driven = "whole episodes of the expert" if policy == "episodes" else f"{policy} actions"
    case = f"{name}, 1 robot, {sizes.sims} simulations, {sizes.threads} threads, {driven}: this build over"
    return _row(f"{case} another", rate, "steps/s", peer)


@contextlib.contextmanager
def _build(sizes: Sizes, root: Path, name: str, policy: str) -> Iterator[Callable[[], float]]:
    """A function that has a checkout step one block, and returns the seconds that it took."""
    given = (root, name, policy, sizes.sims, sizes.threads, sizes.warm_up, sizes.block)
    command = [sys.executable, str(PEERS / "build.py"), *map(str, given)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "sim")))}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as peer:
        assert peer.stdin is not None and peer.stdout is not None
        if peer.stdout.readline().strip() != "ready":
            raise ValueError(f"other-build: {root} cannot play {name}; allowed: the root of a checkout of metabot")

        def block() -> float:
            assert peer.stdin is not None and peer.stdout is not None
            peer.stdin.write("\n")
            peer.stdin.flush()
            return float(peer.stdout.readline())

        yield block
        peer.stdin.close()


def _fleets(sizes: Sizes) -> list[Row]:
    """Scenes with more and more robots in turns, as many robots in each batch."""
    envs, actions = {}, {}
    random = np.random.default_rng(0)
    for robots in sizes.fleets:
        sims = max(1, sizes.sims // robots)
        envs[robots] = FleetEnv("drive-goal", sims, robots=robots, threads=sizes.threads)
        envs[robots].reset(seed=0)
        actions[robots] = random.uniform(-1.0, 1.0, (sims, robots, 2))
    seconds = _in_turns(
        sizes.blocks,
        *(
            lambda env=envs[robots], given=actions[robots]: _times(sizes.block, lambda: env.step(given))
            for robots in sizes.fleets
        ),
    )
    costs = {
        robots: spent / (sizes.block * robots * envs[robots].num_sims) * 1e6
        for robots, spent in zip(sizes.fleets, seconds, strict=True)
    }
    first = sizes.fleets[0]
    return [
        _row(
            f"drive-goal, cost per robot and step: {robots} robots over {first} (<= 1.3)",
            costs[robots],
            "us",
            costs[first],
        )
        for robots in sizes.fleets[1:]
    ]


_MEMORY = """
import json, sys, psutil
from metabot_sim.env import FleetEnv
sims, robots = int(sys.argv[1]), int(sys.argv[2])
def rss(): return psutil.Process().memory_info().rss
small = FleetEnv("drive-goal", 1, robots=robots); small.reset(seed=0); small.step(small.expert())
before = rss()
env = FleetEnv("drive-goal", sims, robots=robots); env.reset(seed=0)
for _ in range(3): env.step(env.expert())
print(json.dumps((rss() - before) / sims))
"""


def _memory(sizes: Sizes, robots: int) -> Row:
    """Growth of a fresh process by a batch."""
    command = [sys.executable, "-c", _MEMORY, str(sizes.memory_sims), str(robots)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    case = f"drive-goal, {robots} robot{'s' * (robots > 1)}: memory per simulation, of {sizes.memory_sims}"
    return _row(case, json.loads(output) / 1024, "KiB")


def _times(calls: int, function: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - started


def _in_turns(rounds: int, *functions: Callable[[], float]) -> list[float]:
    """Median of what each returns; in turns, so that a machine that slows down slows all of them."""
    for function in functions:
        function()
    return list(np.median([[function() for function in functions] for _ in range(rounds)], axis=0))
