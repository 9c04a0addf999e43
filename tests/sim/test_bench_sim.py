"""The form of the simulator's benchmark, at sizes too small for its figures to mean anything."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from metabot.cli.bench import BENCHMARKS
from metabot_sim.env import FleetEnv


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sim() -> ModuleType:
    return load("sim")


def test_every_case_gives_rows_with_a_ratio(sim: ModuleType) -> None:
    sizes = sim.Sizes(sims=4, warm_up=1, block=1, blocks=2, fleets=(1, 2), memory_sims=32, threads=2)
    rows = sim.run(sizes)
    assert all(set(row) == {"case", "value", "unit", "peer", "ratio"} for row in rows)
    assert len({row["case"] for row in rows}) == len(rows)
    for part in (
        "drive-goal, 1 robot, 4 sim",
        "drive-goal, 3 robots, 4",
        "AsyncVectorEnv",
        "2 robots over 1",
        "memory",
    ):
        assert any(part in row["case"] for row in rows), part
    compared = [row for row in rows if row["unit"] != "KiB"]
    assert all(row["ratio"] == pytest.approx(row["value"] / row["peer"], rel=0.02, abs=0.006) for row in compared)
    assert all(row["value"] > 1.0 for row in rows)


def test_the_plain_peer_plays_the_same_world(sim: ModuleType) -> None:
    plain = sim.PlainDriveGoal()
    plain.reset(seed=0)
    env = FleetEnv("drive-goal", 1, robots=1)
    env.reset(seed=0)
    episode = env.episodes.take(np.arange(1))
    episode.pads[0, 0] = plain._goal
    episode.robot_dynamics[0, 0, :3] = plain._gain, plain._steer, plain._bias
    env.reset(episodes=episode)
    random = np.random.default_rng(1)
    for _ in range(25):
        action = random.uniform(-1.2, 1.2, 2)
        ours = env.step(action[None, None])
        observation, reward, reached, _, _ = plain.step(action)
        assert np.allclose(ours.observations[0, 0], observation, atol=1e-5)
        assert ours.rewards[0, 0] == pytest.approx(reward, abs=1e-6)
        assert ours.terminated[0] == reached


@pytest.mark.filterwarnings("ignore:.*Ant-v4 is out of date")
def test_the_batched_ant_is_gymnasiums_ant(sim: ModuleType) -> None:
    import gymnasium

    ant = sim.BatchedAnt(2, 1)
    single = gymnasium.make("Ant-v4").unwrapped
    single.reset(seed=0)
    single.set_state(ant._qpos[1].copy(), ant._qvel[1].copy())
    random = np.random.default_rng(0)
    for _ in range(5):
        actions = random.uniform(-1.0, 1.0, (2, 8))
        observations, rewards, terminated, _ = ant.step(actions)
        seen, reward, ended, _, _ = single.step(actions[1])
        assert np.allclose(observations[1], seen, atol=1e-6)
        # Gymnasium takes the body's position, which is a substep older than the state.
        assert rewards[1] == pytest.approx(reward, abs=0.1)
        assert terminated[1] == ended


def test_a_python_without_envpool_is_refused_in_one_line(sim: ModuleType, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(ValueError, match=r"envpool-python: .*python cannot run EnvPool"):
        sim._against_envpool(sim.Sizes(sims=2, threads=1), python)


def test_two_builds_are_compared_by_the_files_of_each(sim: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "sim").symlink_to(sim.ROOT / "sim")
    (tmp_path / "metabot").mkdir()
    (tmp_path / "metabot" / "__init__.py").write_text("")
    sizes = sim.Sizes(sims=2, warm_up=1, block=1, blocks=2, threads=1)
    for policy, driven in (("random", "random"), ("episodes", "whole episodes of the expert")):
        row = sim._against_build(sizes, sim.ROOT, "grasp-place", policy)
        assert row["case"].startswith(f"grasp-place, 1 robot, 2 simulations, 1 threads, {driven}")
        assert row["ratio"] == pytest.approx(row["value"] / row["peer"], rel=0.02)
    with pytest.raises(ValueError, match=r"^other-build: .* cannot play drive-goal; allowed: the root of a checkout"):
        sim._against_build(sizes, tmp_path, "drive-goal", "expert")
