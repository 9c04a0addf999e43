"""How partners and opponents act whose ways nobody tells our robot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from metabot.problems.problem import Split
from metabot.task import Interval
from metabot_sim.episodes import DELAY, DRIVE_GAIN, EpisodeBatch
from metabot_sim.experts import drive
from metabot_sim.families.base import Rules
from metabot_sim.families.drive_push import DrivePushRules

Traits = Mapping[str, np.ndarray]
"""A value for every episode, (n,), by the trait's name."""


class Behaviour(ABC):
    """The ways of those who are not ours; what differs from one of them to the next are its traits.

    Attributes:
        family: what is played.
        horizon_s: length of an episode in seconds.
        sight_m: how near the others must be for our robot to see them; unlimited by default.
        compass: whether our robot sees its heading on the map, too, as it does where it is.
        traits: ranges in training.
        held_out: ranges that are kept from training; what is not named has its range of training.
    """

    family: ClassVar[str]
    horizon_s: ClassVar[float]
    sight_m: ClassVar[float] = np.inf
    compass: ClassVar[bool] = False
    traits: ClassVar[Mapping[str, Interval]]
    held_out: ClassVar[Mapping[str, Interval]]

    def sample(self, rng: np.random.Generator, count: int, split: Split) -> np.ndarray:
        """Draw traits, (count, traits)."""
        ranges = {**self.traits, **(self.held_out if split == "held-out" else {})}
        return np.stack([ranges[name].sample(rng, count) for name in self.traits], axis=1)

    def described(self, traits: Traits) -> np.ndarray:
        """Traits as numbers of which near ones mean nearly the same, (n, numbers)."""
        return np.stack([traits[name] for name in self.traits], axis=1)

    def arrange(self, traits: Traits, episodes: EpisodeBatch, rng: np.random.Generator) -> None:  # noqa: B027
        """Say where everybody starts, in place; by default where the family has put them."""

    def advice(self, traits: Traits, rules: Rules) -> np.ndarray:
        """What experts do who know each other's ways, (n, R, 2); by default the family's."""
        return rules.expert()

    def alone(self, traits: Traits, rules: Rules, commands: np.ndarray, time_s: float) -> np.ndarray:
        """What ours does, knowing the others' ways, while it sees none of them, (n, 2); by default what `advice` gave.

        Args:
            traits: of the others.
            rules: of the running episodes.
            commands: (n, R, 2) that `advice` gave.
            time_s: since the start.
        """
        return commands[:, 0]

    @abstractmethod
    def embody(self, traits: Traits, dynamics: np.ndarray) -> None:
        """Write what a trait does to the others' bodies into healthy dynamics, (n, R, D), in place."""

    @abstractmethod
    def act(self, traits: Traits, rules: Rules, commands: np.ndarray, time_s: float) -> np.ndarray:
        """What all robots do; the row of the first, ours, is not looked at.

        Args:
            traits: of the others.
            rules: of the running episodes.
            commands: (n, R, 2) that `advice` gave.
            time_s: since the start.

        Returns:
            (n, R, 2).
        """


_SEARCHED_M = 0.4, -1.0
"""How far behind a refuge a hunter looks for the evader at the start of an episode, and at its end. Whoever is quick is
there already; whoever is late is on the way, which leads most of them through the middle."""
_INSIDE_M = 2.1
"""A hunter looks no farther out, or it would stand at the wall."""


class Refugee(Behaviour):
    """An evader that runs to a refuge of its own and stays there until it is alarmed; then it flees.

    Our hunter sees it only from near. Where the refuge is has to be found out: from the reward,
    which tells whether the evader comes closer, or by running into it.
    """

    family = "drive-pursuit"
    horizon_s = 6.0
    sight_m = 1.0
    compass = True
    traits = {  # noqa: RUF012
        "refuge_bearing_rad": Interval(low=-np.pi, high=np.pi),
        "refuge_m": Interval(low=1.0, high=1.9),
        "speed": Interval(low=0.4, high=0.6),
        "alarm_m": Interval(low=0.6, high=0.9),
        "delay_steps": Interval(low=0, high=6),
    }
    held_out = {  # noqa: RUF012
        "refuge_m": Interval(low=1.9, high=2.2),
        "speed": Interval(low=0.6, high=0.7),
    }

    def described(self, traits: Traits) -> np.ndarray:
        """See `Behaviour.described`: the refuge by its place."""
        others = [traits[name] for name in self.traits if not name.startswith("refuge")]
        return np.concatenate([_refuge(traits), np.stack(others, axis=1)], axis=1)

    def alone(self, traits: Traits, rules: Rules, commands: np.ndarray, time_s: float) -> np.ndarray:
        """See `Behaviour.alone`: to the refuge and from there inwards."""
        first, last = _SEARCHED_M
        behind = first + (last - first) * time_s / self.horizon_s
        away = np.clip(traits["refuge_m"] + behind, 0.0, _INSIDE_M)
        return _driven(rules, 0, _refuge(traits) * (away / traits["refuge_m"])[:, None])

    def embody(self, traits: Traits, dynamics: np.ndarray) -> None:
        """See `Behaviour.embody`."""
        dynamics[:, 1:, DRIVE_GAIN] = traits["speed"][:, None]
        dynamics[:, 1:, DELAY] = np.rint(traits["delay_steps"])[:, None]

    def act(self, traits: Traits, rules: Rules, commands: np.ndarray, time_s: float) -> np.ndarray:
        """See `Behaviour.act`."""
        poses = rules.world.poses()
        gaps = poses[:, :-1, :2] - poses[:, -1:, :2]
        alarmed = np.hypot(gaps[..., 0], gaps[..., 1]).min(axis=1) < traits["alarm_m"]
        chosen = commands.copy()
        chosen[:, -1] = np.where(alarmed[:, None], commands[:, -1], _driven(rules, -1, _refuge(traits)))
        return chosen


def _driven(rules: Rules, robot: int, places: np.ndarray) -> np.ndarray:
    """Commands that take a robot straight to a place, (n, 2); ``places`` are (n, 2) in metres."""
    world = rules.world
    which = [robot]
    poses = world.poses()[:, which]
    way = (places - poses[:, 0, :2])[:, None]
    return drive.towards(
        poses,
        np.arctan2(way[..., 1], way[..., 0]),
        np.hypot(way[..., 0], way[..., 1]),
        world.episodes.robot_dynamics[:, which],
        world.cars.max_yaw_rate_radps,
    )[:, 0]


def _refuge(traits: Traits) -> np.ndarray:
    """Where refuges are, (n, 2) in metres."""
    bearing = traits["refuge_bearing_rad"]
    return traits["refuge_m"][:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)


class Pusher(Behaviour):
    """A partner that comes round the box by the left or by the right, as it always does, and pushes on that side.

    Ours starts behind the box and sees the partner only once it is beside it: who waits on the wrong
    side is in the way. The partner has a pace of its own, begins late and answers with a delay.
    """

    family = "drive-push"
    horizon_s = 16.0
    sight_m = 0.5
    traits = {  # noqa: RUF012
        "side": Interval(low=-1.0, high=1.0),
        "pace": Interval(low=0.7, high=1.0),
        "late_s": Interval(low=0.0, high=2.0),
        "delay_steps": Interval(low=0, high=4),
    }
    held_out = {  # noqa: RUF012
        "pace": Interval(low=0.62, high=0.7),
    }

    def described(self, traits: Traits) -> np.ndarray:
        """See `Behaviour.described`: of the side only which it is."""
        return super().described({**traits, "side": _side(traits)})

    def arrange(self, traits: Traits, episodes: EpisodeBatch, rng: np.random.Generator) -> None:
        """See `Behaviour.arrange`: ours behind the box as seen from the zone, the partner before it."""
        box, yaw = episodes.objects[:, 0, :2], episodes.objects[:, 0, 2]
        way = episodes.pads[:, 0] - box
        ahead = np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
        ahead *= np.where((ahead * way).sum(-1, keepdims=True) < 0.0, -1.0, 1.0)
        aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=-1)
        for robot, (sign, near, far, off) in enumerate(((-1.0, 0.9, 1.3, 0.3), (1.0, 0.7, 1.0, 0.2))):
            along = sign * rng.uniform(near, far, (len(box), 1))
            episodes.spawns[:, robot, :2] = box + along * ahead + rng.uniform(-off, off, (len(box), 1)) * aside

    def advice(self, traits: Traits, rules: Rules) -> np.ndarray:
        """See `Behaviour.advice`: the partner takes its side, and ours the other."""
        assert isinstance(rules, DrivePushRules)
        partner = (_side(traits) > 0.0).astype(np.int64)
        return rules.expert_at(np.stack([1 - partner, partner], axis=1))

    def embody(self, traits: Traits, dynamics: np.ndarray) -> None:
        """See `Behaviour.embody`."""
        dynamics[:, 1:, DRIVE_GAIN] = traits["pace"][:, None]
        dynamics[:, 1:, DELAY] = np.rint(traits["delay_steps"])[:, None]

    def act(self, traits: Traits, rules: Rules, commands: np.ndarray, time_s: float) -> np.ndarray:
        """See `Behaviour.act`."""
        return np.where((time_s < traits["late_s"])[:, None, None], 0.0, commands)


def _side(traits: Traits) -> np.ndarray:
    """1 where the partner goes left, as seen along the push, and -1 where it goes right, (n,)."""
    return np.where(traits["side"] < 0.0, -1.0, 1.0)
