"""`FleetEnv`: many episodes of one family at once, every robot's view as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from metabot.task import SpecError, TaskSpec
from metabot_sim import rng
from metabot_sim.backends import Backend
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import NOISE, EpisodeBatch
from metabot_sim.families.base import SPLITS, Family, Split
from metabot_sim.families.registry import family as family_of
from metabot_sim.rewards import Reward, Step


class Autoreset(Enum):
    """What happens to an episode that has ended."""

    NEXT_STEP = "next step"
    """The next step starts a new one; its action is ignored, its reward is zero."""
    DISABLED = "disabled"
    """It stands still with zero reward until `reset`: batches of whole episodes stay rectangular."""


@dataclass(frozen=True)
class Transition:
    """What a step returns; arrays are (simulations, robots) unless said otherwise.

    Attributes:
        observations: (n, R, widest observation) float32; robots that observe less have zeros at the end.
        rewards: float32.
        success: whether each robot has done its part by now.
        arrived: whether that became true in this step.
        terminated: (n,) the episode was decided in this step.
        truncated: (n,) it ran out of time in this step.
        diverged: (n,) its simulation was lost in this step and the episode is void.
        alive: (n,) the step belonged to a running episode.
    """

    observations: np.ndarray
    rewards: np.ndarray
    success: np.ndarray
    arrived: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    diverged: np.ndarray
    alive: np.ndarray


class FleetEnv:
    """`num_sims` episodes of one family, all robots of each.

    What simulation i does depends on the seed and i alone: not on how many there are, nor on
    the threads. Each episode draws a task (hidden dynamics) of the split and fresh places, unless
    `tasks` pins the tasks down or a `TaskSpec` says everything.

    Attributes:
        family: the family.
        spec: the scene.
        world: the simulations.
        observation_names: for each robot, the meaning of what it observes.
        observation_sizes: (R,) how many numbers each robot observes.
        action_sizes: (R,) how many numbers each robot commands.
        teams: (R,) team number of each robot.
        reward: the weighted terms of the scene.
        heroes: (R,) bool, the robots whose success is the episode's: all of them, or those of the
            first robot's team where teams play against each other.
        task_numbers: (n,) task that each running episode is of; -1 where it was given.
        diverged_total: simulations lost since the environment was made.
    """

    def __init__(
        self,
        task: str | TaskSpec,
        num_sims: int = 1,
        *,
        robots: int | None = None,
        split: Split = "train",
        tasks: np.ndarray | None = None,
        threads: int = 1,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        walls: bool = True,
        backend: Backend = "mujoco",
        remember: bool = False,
    ) -> None:
        """Compile the scene and allocate the simulations.

        Args:
            task: a family's name, or a task whose places and dynamics hold in every episode.
            num_sims: episodes simulated at once.
            robots: how many; the family's usual number by default.
            split: which tasks are drawn.
            tasks: (num_sims,) numbers of the tasks, fixed for all episodes.
            threads: simulation threads.
            autoreset: what follows the end of an episode.
            walls: whether the arena has walls.
            backend: the engine, see `metabot_sim.backends.make_engine`.
            remember: whether copies go on in the middle of their episodes, see `__getstate__`: commands are kept.

        Raises:
            SpecError: if family, split, robots or reward do not go together; one line.
        """
        if split not in SPLITS:
            raise SpecError(f"split: no {split!r}; allowed: {', '.join(SPLITS)}")
        for name, count in (("num_sims", num_sims), ("robots", robots)):
            if count is not None and (isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1):
                raise SpecError(f"{name}: {count!r} is no whole number above 0")
        self._settings = {
            "task": task,
            "num_sims": num_sims,
            "robots": robots,
            "split": split,
            "threads": threads,
            "autoreset": autoreset,
            "walls": walls,
            "backend": backend,
            "remember": remember,
        }
        fixed = isinstance(task, TaskSpec)
        self.family: Family = family_of(task.family if isinstance(task, TaskSpec) else task)
        if isinstance(task, TaskSpec):
            self.family.check(task)
            self.spec = task
        else:
            self.spec = self.family.spec(robots)
        self.split, self.autoreset = split, autoreset
        self.num_sims = num_sims
        try:
            self.world = BatchedWorld(self.spec, num_sims, threads=threads, walls=walls, backend=backend)
            names = list(dict.fromkeys(robot.team for robot in self.spec.robots))
            self.teams = np.array([names.index(robot.team) for robot in self.spec.robots])
            self.reward = Reward(self.spec.reward, self.family.provides, self.teams, self.spec.team_share)
            self.rules = self.family.rules(self.world)
        except ValueError as problem:
            raise SpecError(str(problem)) from None
        against = self.family.mode in ("competitive", "mixed")
        self.heroes = self.teams == self.teams[0] if against else np.ones(len(self.teams), dtype=bool)
        self.horizon = self.spec.horizon_steps
        self.diverged_total = 0
        self._fixed = EpisodeBatch.of(self.spec, num_sims) if fixed else None
        self._tasks = None if tasks is None else np.asarray(tasks, dtype=np.int64)
        shared = len(self.rules.task_names)
        self.observation_names = self._observation_names()
        self.observation_sizes = np.array([len(each) for each in self.observation_names])
        self.action_sizes = np.array(self.world.action_sizes)
        self._width = int(self.observation_sizes.max())
        self._unused = np.arange(self._width) >= self.observation_sizes[:, None]
        self._shared = shared
        self._sims = np.arange(num_sims)
        self._seed = 0
        self.task_numbers = np.full(num_sims, -1)
        self._episode = np.zeros(num_sims, dtype=np.int64)
        self._steps = np.zeros(num_sims, dtype=np.int64)
        self._ended = np.ones(num_sims, dtype=bool)
        self._success = np.zeros((num_sims, self.num_robots), dtype=bool)
        self._noisy = False
        self._ahead = EpisodeBatch.of(self.spec, num_sims)
        self._ahead_tasks = np.full(num_sims, -1)
        self._ahead_valid = np.zeros(num_sims, dtype=bool)
        self._acted: np.ndarray | None = None
        if remember:
            self._acted = np.zeros((num_sims, self.horizon, self.num_robots, self.max_action_size), dtype=np.float32)
        self._lasted = np.zeros(num_sims, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made anew from, as engines cannot be copied.

        Where commands are remembered a copy goes on in the middle of its episodes, by doing again what was done.
        Else they begin anew: the next step, or `reset`, starts those that would have come.
        """
        started = self._acted is not None and bool(self._episode.any())
        names = ("_episode", "task_numbers", *(("_steps", "_ended") if started else ()))
        kept = {name: getattr(self, name).copy() for name in names}
        return {
            "settings": self._settings,
            "kept": kept,
            "seed": self._seed,
            "tasks": self._tasks,
            "horizon": self.horizon,
            "diverged_total": self.diverged_total,
            "episodes": self.episodes.take(self._sims) if started else None,
            "lasted": self._lasted.copy(),
            "acted": self._acted[:, : self._lasted.max()].copy() if started and self._acted is not None else None,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make it anew and bring it to where it was."""
        self.__init__(**state["settings"])  # type: ignore[misc]
        self._seed, self._tasks, self.horizon = state["seed"], state["tasks"], state["horizon"]
        if state["episodes"] is not None:
            self._play_again(state["episodes"], state["acted"], state["lasted"])
        for name, values in state["kept"].items():
            getattr(self, name)[:] = values
        self.diverged_total = state["diverged_total"]

    def _play_again(self, episodes: EpisodeBatch, acted: np.ndarray, lasted: np.ndarray) -> None:
        """Start episodes one after the other so that all of them are where they were at the same time.

        Args:
            episodes: of all simulations.
            acted: (n, steps, R, max_action_size) what was done in each.
            lasted: (n,) how many of these steps each has taken.
        """
        usual, self.autoreset = self.autoreset, Autoreset.DISABLED
        for left in range(int(lasted.max()), -1, -1):
            begun = np.flatnonzero(lasted == left)
            if len(begun):
                self._start(begun, episodes.take(begun))
            if left:
                self.step(acted[self._sims, np.maximum(lasted - left, 0)])
        self.autoreset = usual

    @property
    def num_robots(self) -> int:
        """Robots in each simulation."""
        return self.world.num_robots

    @property
    def fixed(self) -> bool:
        """Whether every episode is the one that a `TaskSpec` states."""
        return self._fixed is not None

    @property
    def max_action_size(self) -> int:
        """Width of `step`'s actions."""
        return int(self.action_sizes.max())

    @property
    def episodes(self) -> EpisodeBatch:
        """Starts, goals and hidden dynamics of the running episodes."""
        return self.world.episodes

    def _observation_names(self) -> list[tuple[str, ...]]:
        names: list[tuple[str, ...]] = [()] * self.num_robots
        for group in self.world.groups:
            for index in group.indices:
                names[index] = (*self.rules.task_names, *group.proprio_names)
        return names

    def reset(
        self,
        seed: int | None = None,
        *,
        episodes: EpisodeBatch | None = None,
        tasks: np.ndarray | None = None,
        ids: np.ndarray | None = None,
    ) -> np.ndarray:
        """Start an episode in every simulation.

        Args:
            seed: starts the sequence of episodes anew; without one it goes on.
            episodes: start with exactly these; later ones (with autoreset) are drawn.
            tasks: (num_sims,) numbers of the tasks of this and all later episodes.
            ids: only in these simulations.

        Returns:
            Observations, see `Transition`.
        """
        if seed is not None:
            self._seed = seed
            self._episode[:] = 0
        if tasks is not None:
            self._tasks = np.asarray(tasks, dtype=np.int64)
        if seed is not None or tasks is not None:
            self._ahead_valid[:] = False
        self._start(self._sims if ids is None else ids, episodes)
        return self.observe()

    def _start(self, ids: np.ndarray, given: EpisodeBatch | None = None) -> None:
        self.task_numbers[ids] = -1
        if given is None:
            given = self._draw(ids)
        self._episode[ids] += 1
        self._ahead_valid[ids] = False
        self.world.episodes.put(ids, given)
        if not self._noisy:
            self._noisy = bool(np.any(given.robot_dynamics[..., NOISE] > 0.0))
        self.world.reset(ids)
        self._steps[ids] = 0
        self._ended[ids] = False
        self._lasted[ids] = 0
        # A new array: whoever keeps an episode's last step keeps how it ended.
        self._success = self._success.copy()
        self._success[ids] = False
        self.rules.reset(ids)

    def _draw(self, ids: np.ndarray) -> EpisodeBatch:
        if self._fixed is not None:
            return self._fixed.take(ids)
        if not self._ahead_valid[ids].all():
            # Episodes that end one by one are drawn together: a draw costs the same for one and for all.
            self._draw_ahead(np.flatnonzero(~self._ahead_valid))
        self.task_numbers[ids] = self._ahead_tasks[ids]
        return self._ahead.take(ids)

    def _draw_ahead(self, ids: np.ndarray) -> None:
        episodes = self._episode[ids]
        if self._tasks is None:
            tasks = (rng.keys(_TASKS, self._seed, ids, episodes) >> np.uint64(33)).astype(np.int64)
        else:
            tasks = self._tasks[ids]
        # The simulation's number keeps two simulations of one task from playing the same episode.
        self._ahead.put(ids, self.family.draw(self.spec, self.split, tasks, episodes * _MANY + ids, self._seed))
        self._ahead_tasks[ids] = tasks
        self._ahead_valid[ids] = True

    def step(self, actions: np.ndarray) -> Transition:
        """Advance every simulation by one control period.

        Args:
            actions: (n, R, max_action_size) in [-1, 1]; robots with fewer commands ignore the rest.
        """
        resting = self._ended.copy()
        if self._acted is not None:
            self._remember(self._acted, actions, np.flatnonzero(~resting))
        # What is not a number acts as zero, and costs as much.
        done = self._powered(self.rules.advance(self.world.step(actions, ~resting if resting.any() else None)))
        # None of those that rest: they are not simulated.
        diverged = self.world.diverged
        self._steps += 1
        rewards = self.reward(done)
        terminated = done.ended & ~resting
        truncated = (self._steps >= self.horizon) & ~resting & ~terminated
        if resting.any() or diverged.any():
            rewards[resting | diverged] = 0.0
            terminated &= ~diverged
            truncated |= diverged
        arrived = done.arrived & ~(resting | diverged)[:, None]
        self._success = np.where(resting[:, None], self._success, done.success & ~diverged[:, None])
        success = self._success
        self._ended = resting | terminated | truncated
        self.diverged_total += int(diverged.sum())
        if self.autoreset is Autoreset.NEXT_STEP and resting.any():
            self._start(np.flatnonzero(resting))
            success = self._success
        if diverged.any():
            # The world has put it back to its start; the rules have to know.
            self.rules.reset(np.flatnonzero(diverged))
        return Transition(
            self.observe(), rewards.astype(np.float32), success, arrived, terminated, truncated, diverged, ~resting
        )

    def _remember(self, acted: np.ndarray, actions: np.ndarray, running: np.ndarray) -> None:
        """What a copy has to do again; what is done to an episode that is over changes nothing."""
        if self.horizon > acted.shape[1]:
            acted = np.pad(acted, ((0, 0), (0, self.horizon - acted.shape[1]), (0, 0), (0, 0)))
        # To the last bit, where all commands are of one type: arms reckon in it.
        acted = self._acted = acted.astype(np.result_type(acted, actions), copy=False)
        acted[running, self._lasted[running]] = np.asarray(actions)[running]
        self._lasted[running] += 1

    def _powered(self, done: Step) -> Step:
        """The step with what its reward wants to know of the world's motors."""
        return replace(done, power_w=self.world.power()) if "power_w" in self.reward.needs else done

    @property
    def success(self) -> np.ndarray:
        """Whether each robot has done its part by now, (n, R) bool."""
        return self._success

    def restart(self) -> None:
        """Begin the running episodes anew in the state that something else than `reset` has brought about."""
        self._steps[:], self._ended[:] = 0, False
        # Commands do not lead there again.
        self._acted = None
        self._success = np.zeros_like(self._success)
        self.rules.reset(self._sims)

    def judge(self, actions: np.ndarray) -> Step:
        """Let the rules take in a state that something else than physics has brought about.

        Args:
            actions: (n, R, A) what the robots did on the way there, clipped.
        """
        self._steps += 1
        done = self._powered(self.rules.advance(actions))
        self._success = done.success.copy()
        return done

    def observe(self) -> np.ndarray:
        """What every robot sees now, (n, R, widest observation) float32."""
        seen = np.zeros((self.num_sims, self.num_robots, self._width), dtype=np.float32)
        seen[..., : self._shared] = self.rules.observe_task()
        for group in self.world.groups:
            end = self._shared + len(group.proprio_names)
            seen[:, group.select, self._shared : end] = group.proprio()
        if self._noisy:
            draws = rng.Draws(rng.keys(_NOISE, self._seed, self._sims, self._episode, self._steps))
            noise = draws.normal(self.num_robots, self._width) * self.episodes.robot_dynamics[..., NOISE, None]
            seen += noise
            if self._unused.any():
                seen[:, self._unused] = 0.0
        return seen

    def expert(self) -> np.ndarray:
        """What robots that know the hidden dynamics would do now, (n, R, max_action_size)."""
        return self.rules.expert()


_TASKS, _NOISE = 3, 4
_MANY = 1 << 20
