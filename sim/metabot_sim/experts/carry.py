"""How two arms that know their hidden dynamics carry a bar between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot_sim.experts.grasp import Aim, nearest_turn, opened, steer
from metabot_sim.frames import wrap
from metabot_sim.robots.arm import HEIGHT_M, STEP_M, Arm

HOVER_M = 0.09
"""Height of the fingertips above the bar on the way to it."""
CLEARANCE_M = 0.06
"""Between what the bar is to rest on and the bar, on the way."""
_STEP_M, _STEP_RAD = 0.012, 0.02
_REACH, _LIFT, _ACROSS, _LOWER, _LEAVE = range(5)
_PATIENCE_STEPS = 30
_LOST_STEPS = 8
_SINK_M = 0.03
"""So far below its rest the bar is sent at last: the arms give way a little under its weight."""


@dataclass
class Bar:
    """Where the bar is and where it should be; arrays over simulations.

    Attributes:
        centres: (n, 3) in metres.
        yaws: (n,) of the direction from the centre to the first arm's end, in radians.
        grips: (n, 2, 3) where the arms should grasp it.
        widths: (n,) between the fingers.
        held: (n, 2) bool, by each arm.
        places: (n, 3) where the centre should rest.
        place_yaws: (n,) at which yaw.
    """

    centres: np.ndarray
    yaws: np.ndarray
    grips: np.ndarray
    widths: np.ndarray
    held: np.ndarray
    places: np.ndarray
    place_yaws: np.ndarray


class Bearers:
    """Both arms grasp, then follow one plan for the bar, then both let go.

    The plan is a pose of the bar that moves a little in each step: both hands keep their places
    on it, so that neither pulls against the other.
    """

    def __init__(self, arm: Arm) -> None:
        """Start with nothing planned."""
        self._arm = arm
        n = arm.world.num_sims
        self._stage, self._waited = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self._shutting, self._tried = np.zeros((n, 2), dtype=bool), np.zeros((n, 2), dtype=np.int64)
        self._plan, self._plan_yaw = np.zeros((n, 3)), np.zeros(n)
        self._hands, self._hand_yaws = np.zeros((n, 2, 3)), np.zeros((n, 2))

    def reset(self, ids: np.ndarray) -> None:
        """Forget what was planned in the given simulations."""
        self._stage[ids] = self._waited[ids] = _REACH
        self._shutting[ids], self._tried[ids] = False, 0

    def act(self, bar: Bar, dynamics: np.ndarray) -> np.ndarray:
        """Commands of both arms, (n, 2, 5).

        Args:
            bar: what to carry where.
            dynamics: (n, 2, D) of the arms.
        """
        self._change_stage(bar)
        reach, carry, leave = self._reach(bar), self._carry(bar), self._leave(bar)
        first, last = (self._stage == _REACH)[:, None], (self._stage == _LEAVE)[:, None]
        chosen = [
            np.where(_like(first, a), a, np.where(_like(last, c), c, b))
            for a, b, c in zip(reach, carry, leave, strict=True)
        ]
        return steer(self._arm, Aim(*chosen), dynamics)

    def _change_stage(self, bar: Bar) -> None:
        stage, tips = self._stage, self._arm.positions()
        both, self._waited = bar.held.all(axis=1), self._waited + 1
        reaching, carrying = stage == _REACH, (stage != _REACH) & (stage != _LEAVE)
        # It counts how long both have held the bar, then how long one of them has not.
        self._waited[(reaching & ~both) | (carrying & both)] = 0
        begin = reaching & (self._waited > 2)
        lost = carrying & (self._waited > _LOST_STEPS)
        again = lost | ((stage == _LEAVE) & (self._waited > _PATIENCE_STEPS))
        offset, turn = self._to_go(bar)
        there = (np.hypot(offset[:, 0], offset[:, 1]) < 1e-3) & (np.abs(turn) < 0.01)
        low, sunk = bar.centres[:, 2] < bar.places[:, 2] + 0.006, offset[:, 2] > _SINK_M - 1e-6
        passed = ((stage == _LIFT) & (offset[:, 2] < 0.01 - CLEARANCE_M)) | ((stage == _ACROSS) & there)
        done = (stage == _LOWER) & ((low & (offset[:, 2] > 0.0)) | sunk)
        # Where each hand is on the bar when both have it.
        offset = _turn(tips - bar.centres[:, None], -bar.yaws[:, None])
        self._hands = np.where(begin[:, None, None], offset, self._hands)
        self._hand_yaws = np.where(begin[:, None], self._arm.yaws() - bar.yaws[:, None], self._hand_yaws)
        self._plan = np.where(begin[:, None], bar.centres, self._plan)
        self._plan_yaw = np.where(begin, bar.yaws, self._plan_yaw)
        self._stage = np.where(again, _REACH, stage + (begin | passed | done))
        self._waited[begin | done | again] = 0
        self._shutting[again], self._tried[again] = False, 0

    def _reach(self, bar: Bar) -> tuple[np.ndarray, ...]:
        tips, opening, width = self._arm.positions(), self._arm.openings(), bar.widths[:, None]
        yaws = nearest_turn(bar.yaws[:, None], self._arm.bases[:, 2], np.pi)
        offset = bar.grips - tips
        away = np.hypot(offset[..., 0], offset[..., 1])
        low = tips[..., 2] < bar.grips[..., 2] + 0.035
        turned = np.abs(wrap(yaws - self._arm.yaws())) < 0.1
        over = (away < np.where(low, 0.025, 0.012)) & turned & (self._tried >= 0)
        wide = opening > width + 0.01
        there = over & (tips[..., 2] < bar.grips[..., 2] + 0.008)
        self._shutting = (there & wide) | (self._shutting & over)
        # A grasp that does not succeed is given up for a while, with the hand raised.
        self._tried = np.where(self._shutting & ~bar.held, self._tried + 1, np.minimum(self._tried + 1, 0))
        self._tried = np.where(self._tried > _PATIENCE_STEPS, -10, self._tried)
        goal = bar.grips.copy()
        leave = (away > 0.05) & low
        goal[..., :2] = np.where(leave[..., None], tips[..., :2], goal[..., :2])
        down = over & (wide | self._shutting)
        goal[..., 2] = np.maximum(goal[..., 2] + np.where(down, 0.0, HOVER_M), HEIGHT_M[0])
        steps = np.where(low, 0.012, STEP_M)
        return goal, yaws, np.where(self._shutting, -1.0, 1.0), steps

    def _carry(self, bar: Bar) -> tuple[np.ndarray, ...]:
        stage, (offset, turn) = self._stage, self._to_go(bar)
        offset[:, 2] += np.where(stage == _LOWER, -_SINK_M, CLEARANCE_M)
        away, across = np.hypot(offset[:, 0], offset[:, 1]), stage == _ACROSS
        share = across * np.minimum(1.0, _STEP_M / np.maximum(away, 1e-9))
        self._plan[:, :2] += share[:, None] * offset[:, :2]
        self._plan[:, 2] += np.clip(offset[:, 2], -0.6 * _STEP_M, _STEP_M)
        self._plan_yaw = self._plan_yaw + across * np.clip(turn, -_STEP_RAD, _STEP_RAD)
        goal = self._plan[:, None] + _turn(self._hands, self._plan_yaw[:, None])
        yaws = self._plan_yaw[:, None] + self._hand_yaws
        return goal, yaws, np.full(yaws.shape, -1.0), np.full(yaws.shape, STEP_M)

    def _to_go(self, bar: Bar) -> tuple[np.ndarray, np.ndarray]:
        """From the plan to the bar's place: (n, 3) in metres and (n,) in radians."""
        return bar.places - self._plan, wrap(bar.place_yaws - self._plan_yaw)

    def _leave(self, bar: Bar) -> tuple[np.ndarray, ...]:
        tips = self._arm.positions()
        loose = self._arm.openings() > bar.widths[:, None] + 0.012
        goal = tips.copy()
        goal[..., 2] += np.where(loose, HOVER_M, 0.0)
        grips = np.broadcast_to(opened(bar.widths, 0.03)[:, None], loose.shape)
        return goal, self._arm.set_yaws(), grips, np.full(loose.shape, STEP_M)


def _like(flags: np.ndarray, values: np.ndarray) -> np.ndarray:
    return flags[..., None] if values.ndim == 3 else flags


def _turn(vectors: np.ndarray, yaws: np.ndarray) -> np.ndarray:
    """Vectors, (n, r, 3), turned about the vertical by (n, r) or what broadcasts to it."""
    cos, sin = np.cos(yaws), np.sin(yaws)
    turned = vectors.copy()
    turned[..., 0] = cos * vectors[..., 0] - sin * vectors[..., 1]
    turned[..., 1] = sin * vectors[..., 0] + cos * vectors[..., 1]
    return turned
