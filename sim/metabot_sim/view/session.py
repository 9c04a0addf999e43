"""`Session`: one simulation that is played, changed and started again; it knows no page."""

from __future__ import annotations

import numpy as np

from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import DELAY, EpisodeBatch
from metabot_sim.families.base import Split
from metabot_sim.policies import POLICIES, Drivers, Policy, check_name
from metabot_sim.view.knobs import Knob, knobs


class Session:
    """Episodes of one task after another, with a driver that can be exchanged at any time.

    A task is its number in a split: it fixes the hidden dynamics, until `turn` changes them.
    Changed values stay through new episodes, and go with a new task.

    Attributes:
        env: the simulation, a batch of one.
        knobs: what can be changed.
        drivers: names of who can drive.
        driver: who drives, one of `drivers`.
        task: number of the task.
        time_s: simulated time since the episode's start.
        rewards: (R,) of the last step.
        returns: (R,) summed rewards of the episode.
        success: (R,) bool.
        ending: how the episode ended; empty while it runs.
        trace: for each step of the episode its time and the returns, (1 + R,).
    """

    def __init__(
        self,
        family: str,
        *,
        robots: int | None = None,
        split: Split = "train",
        task: int = 0,
        seed: int = 0,
        driver: str = "expert",
        others: Drivers | None = None,
    ) -> None:
        """Compile the scene and start an episode.

        Args:
            family: its name.
            robots: how many; the family's usual number by default.
            split: which tasks.
            task: number of the first task.
            seed: of places and random commands.
            driver: who drives first.
            others: who can drive beside `metabot_sim.policies.POLICIES`, by name.

        Raises:
            SpecError: if these do not go together; one line.
        """
        check_name(driver, others)
        self._others = others
        self.drivers = (*POLICIES, *(others or ()))
        self._family, self._robots, self._seed = family, robots, seed
        self.task = task
        self.driver: str = driver
        self._changed: dict[tuple[Knob, int], float] = {}
        self._open(split)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the robots."""
        return tuple(robot.name for robot in self.env.spec.robots)

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the objects."""
        return tuple(thing.name for thing in self.env.spec.objects)

    @property
    def period_s(self) -> float:
        """Simulated time of a step."""
        return 1.0 / self.env.spec.control_hz

    def _open(self, split: Split) -> None:
        self.env = FleetEnv(self._family, 1, robots=self._robots, split=split, autoreset=Autoreset.DISABLED)
        self.knobs = knobs(self.env.family, self.env.spec)
        if any(not knob.of_object and knob.column == DELAY for knob in self.knobs):
            self.env.world.remember_commands()
        self.env.reset(self._seed, tasks=np.array([self.task]))
        self._policy = Policy(self.driver, self.env, self._seed, self._others)
        self._take_drawn()

    def _take_drawn(self) -> None:
        self._drawn, start = (self.env.episodes.take(np.arange(1)) for _ in range(2))
        self._begin(start)

    def _begin(self, start: EpisodeBatch) -> None:
        self._start = start
        for (knob, index), value in self._changed.items():
            _table(start, knob)[0, index, knob.column] = value
        self.env.reset(episodes=start)
        self._policy.begin(self.task)
        robots = self.env.num_robots
        self.time_s, self.ending = 0.0, ""
        self.rewards, self.returns = np.zeros(robots), np.zeros(robots)
        self.success = np.zeros(robots, dtype=bool)
        self.trace = [np.zeros(1 + robots)]

    def drive(self, driver: str) -> None:
        """Let another one drive from the next step on.

        Raises:
            SpecError: if there is no such driver.
        """
        self._policy = Policy(driver, self.env, self._seed, self._others)
        self._policy.begin(self.task)
        self.driver = driver

    def step(self) -> None:
        """Play one control period; nothing happens after the episode's end."""
        if self.ending:
            return
        # A gain may be turned to zero: then no expert knows what to do, and its command counts as zero.
        with np.errstate(divide="ignore", invalid="ignore"):
            actions = self._policy()
        done = self.env.step(actions)
        self._policy.hear(done)
        self.time_s += self.period_s
        self.rewards = done.rewards[0].astype(float)
        self.returns = self.returns + self.rewards
        self.success = done.success[0].copy()
        self.trace.append(np.array([self.time_s, *self.returns]))
        if done.diverged[0]:
            self.ending = "the simulation diverged"
        elif done.terminated[0] or done.truncated[0]:
            won = self.success[self.env.heroes].all()
            self.ending = "success" if won else ("failed" if done.terminated[0] else "out of time")

    def again(self) -> None:
        """Start the same episode anew: the same places, the dynamics as they are now."""
        self._begin(self._start)

    def new_episode(self) -> None:
        """Start an episode of the same task in other places."""
        self.env.reset(tasks=np.array([self.task]))
        self._take_drawn()

    def choose_task(self, number: int) -> None:
        """Start an episode of another task, with the dynamics that belong to it."""
        self.task = number
        self._changed.clear()
        self.new_episode()

    def choose_split(self, split: Split) -> None:
        """Go on with the task of the same number of another split.

        Raises:
            SpecError: if there is no such split.
        """
        if split != self.env.split:
            self._changed.clear()
            self._open(split)

    def value(self, knob: Knob, index: int) -> float:
        """What the robot or object of that index has now."""
        return float(_table(self.env.episodes, knob)[0, index, knob.column])

    def turn(self, knob: Knob, index: int, value: float) -> None:
        """Change what is hidden: at once where that acts at once, else by starting the episode again."""
        value = float(round(value)) if knob.whole else float(value)
        self._changed[knob, index] = value
        if knob.at_once:
            for batch in (self._start, self.env.episodes):
                _table(batch, knob)[0, index, knob.column] = value
        else:
            self.again()

    def as_drawn(self) -> None:
        """Take back all changes of hidden dynamics; starts the episode again."""
        self._changed.clear()
        self._begin(self._drawn.take(np.arange(1)))


def _table(batch: EpisodeBatch, knob: Knob) -> np.ndarray:
    return batch.object_dynamics if knob.of_object else batch.robot_dynamics
