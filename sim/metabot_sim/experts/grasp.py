"""How experts that know the hidden dynamics of arms reach, pick and place, many arms at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN, FRAME_PITCH, FRAME_ROLL, STEER_BIAS, STEER_GAIN
from metabot_sim.frames import wrap
from metabot_sim.robots.arm import MAX_OPENING_M, STEP_M, STEP_RAD, Arm, kinematics

HOVER_M = 0.13
"""Height of the fingertips on the way, above everything that lies on the floor."""
CARRY_M = 0.13
"""Height of the centre of what is carried."""
CARRY_STEP_M = 0.018
"""How fast a load is moved, in metres per control step."""
_SWING_RAD = 0.7
_PATIENCE_STEPS = 30
_BACK_OFF_STEPS = 12


@dataclass
class Aim:
    """Where arms should go next.

    Attributes:
        points: (n, r, 3) of the fingertips in the world, in metres.
        yaws: (n, r) of the hands in the world, in radians.
        grips: (n, r) grip commands in [-1, 1].
        steps: (n, r) how far to go in one control step, in metres.
    """

    points: np.ndarray
    yaws: np.ndarray
    grips: np.ndarray
    steps: np.ndarray


@dataclass
class Load:
    """What each arm is to move, and where to; arrays (n, r, ...) in the world, SI units.

    Attributes:
        centres: (n, r, 3) of the things.
        yaws: (n, r) at which they are best grasped, modulo a quarter turn.
        widths: (n, r) between the fingers.
        rest: (n, r) height of their centres when they lie.
        held: (n, r) bool, held by this arm.
        places: (n, r, 2) where their centres should go.
        placed: (n, r) bool, there already.
    """

    centres: np.ndarray
    yaws: np.ndarray
    widths: np.ndarray
    rest: np.ndarray
    held: np.ndarray
    places: np.ndarray
    placed: np.ndarray


def undo(step: np.ndarray, turn: np.ndarray, grip: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """Commands that move set points as wanted in spite of the hidden dynamics, (..., 5) in [-1, 1].

    Args:
        step: (..., 3) wanted move in the arm's base frame, in metres.
        turn: (...) wanted turn, in radians.
        grip: (...) grip command.
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.
    """
    gain, bias = STEP_M * dynamics[..., DRIVE_GAIN], dynamics[..., STEER_BIAS]
    cos, sin = np.cos(bias), np.sin(bias)
    command = np.empty((*turn.shape, 5))
    command[..., 0] = (cos * step[..., 0] + sin * step[..., 1]) / gain
    command[..., 1] = (-sin * step[..., 0] + cos * step[..., 1]) / gain
    command[..., 2] = step[..., 2] / gain
    roll, pitch = dynamics[..., FRAME_ROLL], dynamics[..., FRAME_PITCH]
    if roll.any() or pitch.any():
        command[..., :3] = np.stack(kinematics.tilt(command[..., :3], roll, pitch, back=True), axis=-1)
    # Shortened as a whole, so that the direction stays.
    largest = np.abs(command[..., :3]).max(axis=-1, keepdims=True)
    command[..., :3] /= np.maximum(largest, 1.0)
    command[..., 3] = np.clip(turn / (STEP_RAD * dynamics[..., STEER_GAIN]), -1.0, 1.0)
    command[..., 4] = grip
    return command


def steer(arm: Arm, aim: Aim, dynamics: np.ndarray) -> np.ndarray:
    """Commands, (n, r, 5), that bring the hands of all arms to their aims.

    Args:
        arm: the arms.
        aim: where to go.
        dynamics: (n, r, D) of these arms.
    """
    wanted, now = arm.to_base(aim.points), arm.set_points()
    radius, wanted_radius = np.hypot(now[..., 0], now[..., 1]), np.hypot(wanted[..., 0], wanted[..., 1])
    bearing = np.arctan2(now[..., 1], now[..., 0])
    # The straight way to a place far round would lead through the arm's own base.
    swing = np.arctan2(wanted[..., 1], wanted[..., 0]) - bearing
    share = np.minimum(1.0, _SWING_RAD / np.maximum(np.abs(swing), 1e-9))
    way_radius, way_bearing = radius + share * (wanted_radius - radius), bearing + share * swing
    way = wanted.copy()
    way[..., 0], way[..., 1] = way_radius * np.cos(way_bearing), way_radius * np.sin(way_bearing)
    step = way - now
    length = np.sqrt(np.square(step).sum(-1))
    step *= np.minimum(1.0, aim.steps / np.maximum(length, 1e-9))[..., None]
    return undo(step, wrap(aim.yaws - arm.set_yaws()), aim.grips, dynamics)


def nearest_turn(wanted: np.ndarray, now: np.ndarray, period: float) -> np.ndarray:
    """The yaw nearest to `now` that equals `wanted` but for whole periods, in radians."""
    return now + (wanted - now + period / 2) % period - period / 2


def opened(width: np.ndarray, clearance_m: float) -> np.ndarray:
    """The grip command that leaves some room around a thing of that width."""
    return np.clip((width + clearance_m) / (MAX_OPENING_M / 2) - 1.0, -1.0, 1.0)


class Picker:
    """Picks and places with one arm each, again where a grasp failed.

    What to do follows from where everything is; the only memory is how long a grasp that
    does not succeed has been tried.
    """

    def __init__(self, arm: Arm, *, hover_m: float = HOVER_M, carry_m: float = CARRY_M) -> None:
        """Start with nothing tried.

        Args:
            arm: the arms.
            hover_m: height of the fingertips on the way.
            carry_m: height of the centre of what is carried.
        """
        self._arm, self._hover, self._carry = arm, hover_m, carry_m
        shape = (arm.world.num_sims, len(arm.robots))
        self._tried, self._back_off = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self._flipped, self._shutting = np.zeros(shape), np.zeros(shape, dtype=bool)

    def reset(self, ids: np.ndarray) -> None:
        """Forget what was tried in the given simulations."""
        self._tried[ids] = self._back_off[ids] = 0
        self._flipped[ids] = 0.0
        self._shutting[ids] = False

    def aim(self, load: Load) -> Aim:
        """Where to go next: pick, carry and place; from what is placed already the hand rises."""
        tip, opening = self._arm.positions(), self._arm.openings()
        # Of a thing's four faces those that need the least turn of the wrist, or the others if these failed.
        yaw = nearest_turn(load.yaws, self._arm.bases[:, 2], np.pi / 2) + self._flipped
        yaw = nearest_turn(yaw, self._arm.yaws(), np.pi)
        placed = load.placed
        held = load.held & ~placed
        # What has to come where: the thing itself once it is held, otherwise the fingertips.
        point, goal = np.where(held[..., None], load.centres, tip), load.centres.copy()
        goal[..., :2] = np.where(held[..., None], load.places, goal[..., :2])
        away = np.hypot(goal[..., 0] - point[..., 0], goal[..., 1] - point[..., 1])

        # Without a load: over the thing, down, shut.
        low = tip[..., 2] < load.centres[..., 2] + 0.035
        turned = np.abs(yaw - self._arm.yaws()) < 0.12
        wide = opening > load.widths + 0.006
        self._back_off = np.maximum(self._back_off - 1, 0)
        over = (np.where(low, away < 0.02, away < 0.012)) & turned & (self._back_off == 0)
        at_thing = over & (tip[..., 2] < load.centres[..., 2] + 0.008)
        shut = at_thing & (wide | self._shutting) & ~placed
        self._shutting = shut & ~held
        down = over & (wide | shut)
        self._tried = np.where(down & ~held, self._tried + 1, 0)
        failed = self._tried > _PATIENCE_STEPS
        self._back_off[failed], self._tried[failed] = _BACK_OFF_STEPS, 0
        # Something may stand where a finger should go: the other pair of faces may be free.
        self._flipped[failed] = np.pi / 2 - self._flipped[failed]
        height = np.where(down, load.centres[..., 2], np.maximum(load.centres[..., 2] + 0.07, self._hover))

        # With a load: up, across, down, open.
        lifted = load.centres[..., 2] > self._carry - 0.04
        there = np.where(lifted, away < 0.012, away < 0.025)
        rest = load.rest + 0.003
        release = held & there & (load.centres[..., 2] < rest + 0.007)
        height = np.where(held, np.where(there, rest, self._carry), height)
        stay = held & ~lifted & ~there
        goal[..., :2] = np.where(stay[..., None], load.centres[..., :2], goal[..., :2])
        goal[..., 2] = height
        goal = np.where(held[..., None], goal + tip - load.centres, goal)

        # Beside other things the hand comes up before it goes on.
        leave = ~held & (away > 0.05) & (tip[..., 2] < self._hover - 0.03)
        goal[..., :2] = np.where(leave[..., None], tip[..., :2], goal[..., :2])
        goal[..., 2] = np.where(leave & self._arm.pressed(), tip[..., 2], goal[..., 2])

        # What is placed is let go before the hand rises.
        loose = opening > load.widths + 0.008
        goal = np.where(placed[..., None], tip, goal)
        goal[..., 2] = np.where(placed & loose, self._hover + 0.05, goal[..., 2])
        narrow = opened(load.widths, 0.022)
        grips = np.where(placed | release, narrow, np.where(held | shut, -1.0, 1.0))
        step = np.where(held, CARRY_STEP_M, STEP_M)
        step = np.where((held & there) | (~held & low & ~placed), 0.012, step)
        return Aim(goal, np.where(held | placed, self._arm.set_yaws(), yaw), grips, step)
