"""What a demo's fleet has to beat: the strongest that does not adapt, on its budget and on five times as much."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from metabot.base.actor import Actor
from metabot.demo.summary import MORE, BaselineRecord
from metabot.harness.baselines import measure, train_pretrained
from metabot.harness.measure.contestants import CONTESTANTS
from metabot.harness.measure.drivers import Driver
from metabot.meta import trial_rng
from metabot.problems import Problem

_PPO = "PPO"
_OTHERS = ("imitation, 4 frames",)
"""What a demo has time for beside PPO; `metabot sim adaptation` has all of them."""
_VALIDATION_TASKS, _VALIDATION_TRIALS = 64, 4

Show = Callable[[float, str], None]


class Rivals:
    """Baselines trained on all tasks of a distribution, and tried with every fault."""

    def __init__(
        self, problem: Problem, faults: np.ndarray, env_steps: int, episodes: int, trials: int, seed: int, show: Show
    ) -> None:
        """Say what they are tried on.

        Args:
            problem: where.
            faults: (n, ...) tasks, rows of `Problem.sample`.
            env_steps: the fleet's budget of control steps.
            episodes: that fine-tuning has.
            trials: of every fault, with the same pads as the fleet's policies had.
            seed: of everything.
            show: called with the share done and what is being done.
        """
        self._problem, self._faults, self._env_steps, self._show = problem, faults, env_steps, show
        self._episodes, self._trials, self._seed = episodes, trials, seed
        self._contestants = {each.name: each for each in CONTESTANTS if each.fits(problem)}
        self._done, self._whole = 0.0, 1.0

    def compare(self) -> list[BaselineRecord]:
        """Train and try them.

        Returns:
            Those that do not adapt, the best on validation tasks first; the best is there with `MORE` times the
            budget as well. Then PPO, fine-tuned.
        """
        others = [name for name in _OTHERS if name in self._contestants]
        self._whole = len(others) + 2.0 + MORE
        tried = [self._trained(name, 1) for name in others]
        tuned = self._ppo(tried)
        tried.sort(key=lambda each: each[0], reverse=True)
        records = [record for _, record in tried]
        _, more = self._trained(records[0].name, MORE)
        return [records[0], more, *records[1:], tuned]

    def _told(self, name: str, share: float) -> Callable[[float], None]:
        done = self._done
        self._done += share
        return lambda fraction: self._show((done + share * min(fraction, 1.0)) / self._whole, name)

    def _trained(self, name: str, times: int) -> tuple[tuple[float, float], BaselineRecord]:
        contestant, started = self._contestants[name], time.monotonic()
        told = self._told(name if times == 1 else f"{name}, {times} x", float(times))
        setting = contestant.settings[0]
        driver, spent = contestant.train(self._problem, times * self._env_steps, self._seed, setting, told)
        return self._tried(name, driver, times, spent, time.monotonic() - started)

    def _ppo(self, tried: list[tuple[tuple[float, float], BaselineRecord]]) -> BaselineRecord:
        """Add PPO to those tried; what becomes of it by fine-tuning."""
        problem, started, told = self._problem, time.monotonic(), self._told(_PPO, 2.0)
        ppo = train_pretrained(
            problem, self._env_steps, self._episodes, self._seed, lambda fraction, _: told(0.7 * fraction)
        )
        seconds = time.monotonic() - started
        driver = Driver(1, Actor.of(ppo.policy, torch.from_numpy(ppo.parameters)))
        tried.append(self._tried(_PPO, driver, 1, ppo.env_steps, seconds))
        tuned = [measure(problem, ppo, fault, self._episodes, self._trials, self._seed)[1] for fault in self._faults]
        return BaselineRecord(
            name=f"{_PPO}, fine-tuned",
            adapts=True,
            times=1,
            env_steps=ppo.env_steps,
            train_s=round(seconds, 1),
            success=tuned,
        )

    def _tried(
        self, name: str, driver: Driver, times: int, env_steps: int, seconds: float
    ) -> tuple[tuple[float, float], BaselineRecord]:
        """Success and return on validation tasks, and how it does with every fault."""
        problem, seed = self._problem, self._seed
        tasks = problem.sample(np.random.default_rng([seed, 41]), _VALIDATION_TASKS, "validation")
        found = driver.drive(problem, tasks, _VALIDATION_TRIALS, np.random.default_rng([seed, 42]))
        # Fault by fault: each sees the pads that the adapted policies saw.
        tries = [driver.drive(problem, fault[None], self._trials, trial_rng(seed)) for fault in self._faults]
        each = [float(success[0]) for success, _ in tries]
        record = BaselineRecord(
            name=name, adapts=False, times=times, env_steps=env_steps, train_s=round(seconds, 1), success=each
        )
        return (float(found[0].mean()), float(found[1].mean())), record
