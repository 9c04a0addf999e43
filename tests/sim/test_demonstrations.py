"""Demonstrations are what Minari reads, and what the environment plays."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim import demonstrations
from metabot_sim.demonstrations import MissingExtra, dataset_id, write
from metabot_sim.env import FleetEnv
from metabot_sim.episodes import ROBOT_DYNAMICS

minari = pytest.importorskip("minari", reason="the extra `demos` is not installed")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three demonstrations of two robots."""
    out = tmp_path_factory.mktemp("demos")
    (done,) = write("drive-goal", 3, out, robots=2, split="test", seed=1)
    assert done.episodes == 3
    return out


@pytest.fixture
def dataset(written: Path, monkeypatch: pytest.MonkeyPatch) -> minari.MinariDataset:
    """The same, as Minari finds them."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(written))
    return minari.load_dataset(dataset_id("drive-goal", 2, "test"))


def test_minari_lists_and_loads_the_dataset(dataset: minari.MinariDataset):
    assert list(minari.list_local_datasets()) == ["metabot/drive-goal/expert-2-robots-test-v0"]
    assert dataset.total_episodes == 3
    assert dataset.total_steps == sum(len(episode) for episode in dataset)


def test_the_environment_can_be_made_from_the_dataset(dataset: minari.MinariDataset):
    made = dataset.recover_environment()
    assert made.spec.id == "metabot/drive-goal-v0" and made.unwrapped.fleet.num_robots == 2
    assert made.observation_space == dataset.observation_space and made.action_space == dataset.action_space
    assert made.unwrapped.fleet.split == "test"
    assert gym.spec("metabot/drive-goal-v0").kwargs == {"task": "drive-goal"}


def test_each_episode_ends_with_success_and_carries_its_task_and_dynamics(dataset: minari.MinariDataset):
    told = list(dataset.storage.get_episode_metadata(range(3)))
    for episode, about in zip(dataset, told, strict=True):
        steps = len(episode)
        assert episode.observations.shape == (steps + 1, 16) and episode.actions.shape == (steps, 4)
        assert np.abs(episode.actions).max() <= 1.0
        assert episode.infos["success"].shape == (steps + 1,)
        assert not episode.infos["success"][0] and episode.infos["success"][-1] and about["success"]
        assert episode.infos["robot_success"].shape == episode.infos["robot_rewards"].shape == (steps + 1, 2)
        assert episode.infos["robot_dynamics"].shape == (steps + 1, 2, len(ROBOT_DYNAMICS))
        assert (episode.infos["task"] == about["task"]).all()
        assert episode.terminations[-1] and not episode.terminations[:-1].any() and not episode.truncations.any()
        assert np.allclose(episode.rewards, episode.infos["robot_rewards"][1:].mean(axis=1), atol=1e-6)
    assert len({int(about["task"]) for about in told}) == 3


def test_an_episode_played_again_from_its_task_is_the_same(dataset: minari.MinariDataset):
    about = next(iter(dataset.storage.get_episode_metadata([0])))
    episode = next(iter(dataset))
    made = gym.make("metabot/drive-goal-v0", task=TaskSpec.parse(about["task_spec"]))
    seen, _ = made.reset(seed=0)
    for t, action in enumerate(episode.actions):
        assert np.allclose(seen, episode.observations[t], atol=1e-4)
        seen, reward, terminated, _, _ = made.step(action)
        assert np.isclose(reward, episode.rewards[t], atol=1e-4)
    assert terminated
    assert np.allclose(made.unwrapped.fleet.episodes.robot_dynamics[0], episode.infos["robot_dynamics"][0], atol=1e-6)


def test_names_of_numbers_and_robots_are_in_the_metadata(dataset: minari.MinariDataset):
    told = dataset.storage.metadata
    assert told["robots"] == told["heroes"] == ["robot_1", "robot_2"]
    assert len(told["observation_names"]) == 16
    assert told["action_names"] == ["robot_1/forward", "robot_1/turn", "robot_2/forward", "robot_2/turn"]
    assert told["split"] == "test" and told["seed"] == 1 and told["only_successful"]


def lame(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expert that drives in every second simulation only."""
    expert = FleetEnv.expert

    def half(env: FleetEnv) -> np.ndarray:
        actions = expert(env)
        actions[::2] = 0.0
        return actions

    monkeypatch.setattr(FleetEnv, "expert", half)


@pytest.mark.parametrize("keep", [False, True])
def test_failures_are_left_out_unless_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool):
    lame(monkeypatch)
    *_, done = write("drive-goal", 4, tmp_path, robots=1, keep_failures=keep)
    assert done.episodes == 4 and done.played == (4 if keep else 8)
    data = minari.MinariDataset(done.path / "data")
    ends = [bool(episode.infos["success"][-1]) for episode in data]
    assert ends == ([False, True, False, True] if keep else [True] * 4)
    truncated = [bool(episode.truncations[-1]) for episode in data]
    assert truncated == [not end for end in ends]


def test_what_was_written_before_an_interrupt_is_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(demonstrations, "BATCH", 4)
    jobs = write("drive-goal", 100, tmp_path, robots=1)
    done = next(jobs)
    jobs.close()
    assert done.episodes == minari.MinariDataset(done.path / "data").total_episodes == 4


def test_an_interrupt_before_the_first_episode_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demonstrations, "record", interrupted)
    jobs = write("drive-goal", 2, tmp_path, robots=1)
    with pytest.raises(KeyboardInterrupt):
        next(jobs)
    assert not (tmp_path / dataset_id("drive-goal", 1, "train")).exists()


def test_a_dataset_that_is_there_is_not_overwritten(written: Path):
    with pytest.raises(SpecError, match="is there already"):
        write("drive-goal", 1, written, robots=2, split="test")


def test_without_minari_the_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r"pip install 'metabot\[demos\]'"):
        write("drive-goal", 1, tmp_path)
    assert not list(tmp_path.iterdir())
