"""Expert demonstrations as a Minari dataset.

Minari, because it is Gymnasium's own format: it stores the environment's id beside the
episodes, so that a reader can make the very environment they come from, and libraries for
offline learning read it. (LeRobot's format is for cameras and one robot at a fixed rate.)
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from metabot.task import SpecError
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS
from metabot_sim.families.base import Split
from metabot_sim.interfaces.flat import hidden
from metabot_sim.interfaces.vector import FleetVectorEnv
from metabot_sim.policies import Policy
from metabot_sim.registration import environment_id

BATCH = 64
"""Episodes simulated at once; the file on disk is whole after each batch."""


class MissingExtra(ImportError):
    """A package is missing; the message is one line that says how to install it."""


@dataclass
class Episode:
    """One episode of T steps as it was played; row t of infos belongs to observation t.

    Attributes:
        observations: (T + 1, ...).
        actions: (T, ...).
        rewards: (T,).
        terminated: whether the last step decided it; it ran out of time otherwise.
        infos: (T + 1, ...) arrays.
        success: whether all robots that success is about had done their part at the end.
        task: number of its task.
        spec: scene, places and hidden dynamics in full, as JSON of a `TaskSpec`.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: bool
    infos: dict[str, np.ndarray]
    success: bool
    task: int
    spec: str


@dataclass
class Written:
    """What `write` has done so far; it grows while episodes are written.

    Attributes:
        dataset_id: under which Minari knows the dataset.
        path: the dataset's folder.
        episodes: episodes in it.
        steps: their steps.
        played: episodes played, those left out included.
    """

    dataset_id: str
    path: Path
    episodes: int = 0
    steps: int = 0
    played: int = field(default=0)


def dataset_id(family: str, robots: int, split: Split) -> str:
    """Minari's name of a family's demonstrations.

    >>> dataset_id("drive-goal", 3, "train")
    'metabot/drive-goal/expert-3-robots-train-v0'
    """
    return f"metabot/{family.replace(':', '-')}/expert-{robots}-robots-{split}-v0"


def record(env: FleetVectorEnv, policy: Policy, seed: int) -> Iterator[Episode]:
    """Play episodes for ever, all simulations at a time, and cut them apart.

    Args:
        env: with autoreset DISABLED and `reveal`.
        policy: drives it.
        seed: of tasks and places.
    """
    fleet, view = env.fleet, env.view
    wanted: int | None = seed
    while True:
        observation, info = env.reset(seed=wanted)
        wanted = None
        start = hidden(fleet)
        specs = [fleet.episodes.spec(fleet.spec, i).model_dump_json() for i in range(env.num_envs)]
        seen, acted, rewarded = [observation], [], []
        told: dict[str, list[np.ndarray]] = {key: [info[key]] for key in _PER_STEP}
        length = np.zeros(env.num_envs, dtype=np.int64)
        decided = np.zeros(env.num_envs, dtype=bool)
        diverged = np.zeros(env.num_envs, dtype=bool)
        running = np.ones(env.num_envs, dtype=bool)
        while running.any():
            action = np.clip(view.flatten_actions(policy()), -1.0, 1.0)
            observation, reward, terminated, truncated, info = env.step(action)
            length += running
            decided |= terminated
            diverged |= info["diverged"]
            running &= ~(terminated | truncated)
            seen.append(observation)
            acted.append(action)
            rewarded.append(reward)
            for key, rows in told.items():
                rows.append(info[key])
        columns = {key: np.stack(rows) for key, rows in told.items()}
        observations, actions, rewards = np.stack(seen), np.stack(acted), np.stack(rewarded)
        for i in range(env.num_envs):
            # What the engine lost is nobody's demonstration.
            if diverged[i]:
                continue
            steps = int(length[i])
            infos = {key: values[: steps + 1, i] for key, values in columns.items()}
            for key, value in start.items():
                infos[key] = np.repeat(value[None, i].astype(_KEPT.get(key, np.float32)), steps + 1, axis=0)
            yield Episode(
                observations=observations[: steps + 1, i],
                actions=actions[:steps, i],
                rewards=rewards[:steps, i],
                terminated=bool(decided[i]),
                infos=infos,
                success=bool(infos["success"][-1]),
                task=int(start["task"][i]),
                spec=specs[i],
            )


def write(
    family: str,
    episodes: int,
    out: Path,
    *,
    robots: int | None = None,
    split: Split = "train",
    seed: int = 0,
    threads: int = 1,
    keep_failures: bool = False,
) -> Iterator[Written]:
    """Write demonstrations, and say after each batch how far it is; nothing is written before it is asked for.

    Where teams play against each other, the first robot's team is the expert and the others
    act at random. Infos of each episode: ``success`` (T + 1,), ``robot_success`` and
    ``robot_rewards`` (T + 1, R), and, the same in every row, ``task``, ``robot_dynamics`` and
    ``object_dynamics``. Metadata of each episode: ``success``, ``task`` and ``task_spec``, the
    whole task as JSON, from which `FleetVectorEnv(TaskSpec.parse(...))` plays it again.

    Args:
        family: its name.
        episodes: how many to write.
        out: folder of datasets, for Minari's MINARI_DATASETS_PATH.
        robots: how many; the family's usual number by default.
        split: which tasks.
        seed: of tasks and places.
        threads: simulation threads; results do not depend on them.
        keep_failures: whether episodes without success are written too.

    Raises:
        MissingExtra: if Minari is not installed.
        SpecError: if family, robots or split do not go together, or the dataset is there already;
            also if the expert hardly ever succeeds.
    """
    storage_of, buffer_of, version = _minari()
    if episodes < 1:
        raise SpecError(f"episodes: {episodes}; allowed: at least 1")
    env = FleetVectorEnv(
        family,
        min(BATCH, episodes),
        robots=robots,
        split=split,
        threads=threads,
        autoreset_mode="Disabled",
        reveal=True,
    )
    name = dataset_id(family, env.fleet.num_robots, split)
    # Minari wants it whole.
    done = Written(name, (Path(out) / name).resolve())
    if done.path.exists():
        raise SpecError(f"out: {done.path} is there already; allowed: a folder without this dataset")
    metadata = _metadata(env, name, seed, version, keep_failures)

    def written() -> Iterator[Written]:
        try:
            _namespaces(Path(out), name)
            storage = _new(storage_of, done.path / "data", env)
            storage.update_metadata(metadata)
            yield from _fill(storage, buffer_of, env, episodes, seed, keep_failures, done)
        finally:
            if not done.episodes:
                shutil.rmtree(done.path, ignore_errors=True)

    return written()


def _new(storage_of: Any, data: Path, env: FleetVectorEnv) -> Any:
    """An empty dataset that knows which environment it is of."""
    fleet, spec = env.fleet, None
    if environment_id(fleet.family.name) in gym.registry:
        spec = copy.deepcopy(gym.spec(environment_id(fleet.family.name)))
        spec.kwargs.update(robots=fleet.num_robots, split=fleet.split)
    data.mkdir(parents=True)
    return storage_of.new(
        data,
        observation_space=env.single_observation_space,
        action_space=env.single_action_space,
        env_spec=spec,
        data_format="hdf5",
    )


def _fill(
    storage: Any, buffer_of: Any, env: FleetVectorEnv, episodes: int, seed: int, keep_failures: bool, done: Written
) -> Iterator[Written]:
    kept: list[Episode] = []
    for episode in record(env, Policy("expert", env.fleet, seed), seed):
        done.played += 1
        if episode.success or keep_failures:
            kept.append(episode)
        full = done.episodes + len(kept) >= episodes
        if full or len(kept) >= env.num_envs:
            storage.update_episodes(buffer_of(**_buffer(each)) for each in kept)
            storage.update_episode_metadata(
                ({"success": each.success, "task": each.task, "task_spec": each.spec} for each in kept),
                range(done.episodes, done.episodes + len(kept)),
            )
            done.episodes += len(kept)
            done.steps += sum(len(each.rewards) for each in kept)
            kept = []
            yield done
        if full:
            return
        if done.played >= _PATIENCE and done.episodes + len(kept) < done.played * _HARDLY:
            raise SpecError(f"family: the expert hardly ever succeeds in {done.dataset_id}")


_PER_STEP = ("success", "robot_success", "robot_rewards")
_KEPT: dict[str, Any] = {"task": np.int64}
_PATIENCE, _HARDLY = 512, 0.02


def _minari() -> tuple[Any, Any, str]:
    try:
        import h5py  # noqa: F401
        import minari
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
    except ImportError as problem:
        raise MissingExtra(
            f"demonstrations need {problem.name}, which is not installed; pip install 'metabot[demos]'"
        ) from None
    return MinariStorage, EpisodeBuffer, minari.__version__


def _buffer(episode: Episode) -> dict[str, Any]:
    last = np.zeros(len(episode.rewards), dtype=bool)
    last[-1] = True
    return {
        "observations": episode.observations,
        "actions": episode.actions,
        "rewards": episode.rewards,
        "terminations": last & episode.terminated,
        "truncations": last & (not episode.terminated),
        "infos": episode.infos,
    }


def _metadata(env: FleetVectorEnv, name: str, seed: int, version: str, keep_failures: bool) -> dict[str, Any]:
    fleet = env.fleet
    against = "; whoever plays against them acts at random" if not fleet.heroes.all() else ""
    return {
        "dataset_id": name,
        "minari_version": version,
        "algorithm_name": "scripted expert that knows the hidden dynamics",
        "author": {"metabot"},
        "description": f"{fleet.family.name}: {fleet.family.summary}; {fleet.split} tasks, driven by experts{against}",
        "requirements": ["metabot"],
        "seed": seed,
        "split": fleet.split,
        "only_successful": not keep_failures,
        "robots": [robot.name for robot in fleet.spec.robots],
        "heroes": [robot.name for robot, hero in zip(fleet.spec.robots, fleet.heroes, strict=True) if hero],
        "observation_names": list(env.observation_names),
        "action_names": list(env.action_names),
        "robot_dynamics_names": list(ROBOT_DYNAMICS),
        "object_dynamics_names": list(OBJECT_DYNAMICS),
        "control_hz": fleet.spec.control_hz,
    }


def _namespaces(out: Path, name: str) -> None:
    """Mark the folders above a dataset as Minari's namespaces."""
    parts = name.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = out.joinpath(*parts[:depth])
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / "namespace_metadata.json"
        if not mark.exists():
            mark.write_text(json.dumps({}))
