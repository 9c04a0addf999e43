"""What is measured, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from metabot.harness.board.recipes import METHODS, recipe_of
from metabot.harness.training import TrainingConfig
from metabot.meta.config import with_tuples

PARTS = ("cover", "cross", "unadapted", "variables")
"""What a measure consists of."""

Told = Callable[[str, float, str], None]
"""Called with what is being done, the share done (0..1) and a detail."""


@dataclass(frozen=True)
class MeasureConfig:
    """How one problem is measured.

    Attributes:
        seeds: repetitions, each with tasks of its own.
        env_steps: the method's budget of training, in control steps; what needs no adaptation has it once, and
            five times.
        methods: the meta-learners whose adapted policies are looked at; the first drives the cross matrix.
        tasks: tasks that are to be covered, and that policies without adaptation are tried on.
        trials: fresh episodes of a policy on a task.
        cross_tasks: tasks of the cross matrix.
        episodes: adaptation episodes.
        parts: which of `PARTS`.
        board_recipes: whether methods are trained as they are for the board, where it has them, whatever `env_steps`
            is: what needs no adaptation is then beside ones that had a budget of their own.
    """

    seeds: int = 3
    env_steps: int = 200_000
    methods: tuple[str, ...] = ("task-inference",)
    tasks: int = 32
    trials: int = 20
    cross_tasks: int = 8
    episodes: int = 8
    parts: tuple[str, ...] = PARTS
    board_recipes: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        for name in ("seeds", "env_steps", "tasks", "trials", "cross_tasks", "episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name.replace('_', '-')}: {getattr(self, name)} is below 1")
        if not self.methods:
            raise ValueError("method: none; name at least one")
        for part in self.parts:
            if part not in PARTS:
                raise ValueError(f"only: no part {part!r}; allowed: {', '.join(PARTS)}")
        if not self.parts:
            raise ValueError(f"only: no part; allowed: {', '.join(PARTS)}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MeasureConfig:
        """What was stored beside a measure; what was not yet there then has its default."""
        return cls(**with_tuples({each.name: values[each.name] for each in fields(cls) if each.name in values}))

    def command(self, problem: str) -> str:
        """What a user types to measure a problem so; options that have their defaults are left out."""
        words, usual = [f"metabot sim adaptation {problem}"], MeasureConfig()
        for name in ("seeds", "env_steps", "tasks", "trials"):
            if getattr(self, name) != getattr(usual, name):
                words.append(f"--{name.replace('_', '-')} {getattr(self, name)}")
        if self.methods != usual.methods:
            words += [f"--method {method}" for method in self.methods]
        if self.parts != usual.parts:
            words.append(f"--only {','.join(self.parts)}")
        return " ".join([*words, *["--board-recipes"] * self.board_recipes])

    def training(self, method: str, problem: str, settings: Mapping[str, object] | None = None) -> TrainingConfig:
        """How a method is trained; by default as on the board if that was asked for, else with its `SETTINGS`."""
        if settings is None and self.board_recipes and method in METHODS:
            return recipe_of(method, problem).training(method, problem, seed=0)
        settings = SETTINGS.get(method, {}) if settings is None else settings
        return TrainingConfig(method=method, family=problem, env_steps=self.env_steps, settings=settings)


SETTINGS: dict[str, dict[str, object]] = {
    "dagger": {"reads_reward": True, "trial_episodes": 4},
}
"""What a method needs to adapt to anything here: only rewards say what is wrong in some worlds."""
MEMORY: dict[str, dict[str, object]] = {
    "dagger": {"reads_reward": True, "trial_episodes": 1},
    "rl2": {"trial_episodes": 1},
}
"""Methods whose policies adapt within the episode, trained for one episode at a time."""
