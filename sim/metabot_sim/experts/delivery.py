"""How a fleet that knows the hidden dynamics delivers: arms load, cars drive, arms unload."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot_sim.experts.drive import towards
from metabot_sim.experts.grasp import Load, Picker, steer
from metabot_sim.experts.relay import step_aside
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.car import CarGroup
from metabot_sim.robots.diffdrive import TRAY_HEIGHT_M

HOVER_M, CARRY_M = 0.24, 0.22
"""Height of fingertips on the way and of what is carried: above the trays."""
_REACH_M = 0.62
_CLEAR_M = 0.1
"""So far above an object fingertips are out of its car's way."""
_SPEED = 0.6
_STOP_M = 0.06
_GAIN_MPS = 0.08
"""Cars speed up by so much in a step: what they carry must not tumble."""
_SHARED_SLOT_M = 0.055
"""From a bin's centre to where objects go that share it."""


@dataclass
class Delivery:
    """Where everything is; arrays over (simulations, objects), each object with a car of its own.

    Attributes:
        centres: (n, K, 3) of the objects in metres.
        yaws: (n, K) of their faces.
        sizes: (n, K) widths.
        held: (n, arms, K) which arm holds what.
        aboard: (n, K) objects that lie on the tray of their car.
        poses: (n, K, 3) of the cars.
        stops: (n, K, 2) where cars are unloaded.
        bins: (n, K, 2) where objects belong.
        in_bin: (n, K) objects that lie there.
    """

    centres: np.ndarray
    yaws: np.ndarray
    sizes: np.ndarray
    held: np.ndarray
    aboard: np.ndarray
    poses: np.ndarray
    stops: np.ndarray
    bins: np.ndarray
    in_bin: np.ndarray


class Courier:
    """Moves every object from the floor onto its car, along, and into its bin."""

    def __init__(self, arm: Arm, cars: CarGroup, loader: np.ndarray, unloader: np.ndarray) -> None:
        """Learn who does what.

        Args:
            arm: the arms.
            cars: the cars, one for each object.
            loader: (K,) number of the arm that loads each object.
            unloader: (K,) number of the arm that unloads it.
        """
        self._arm, self._cars, self._loader, self._unloader = arm, cars, loader, unloader
        self._picker = Picker(arm, hover_m=HOVER_M, carry_m=CARRY_M)
        numbers = np.arange(len(arm.bases))[:, None]
        self._loads, self._unloads = numbers == loader, numbers == unloader
        self._things = np.arange(len(loader))
        # Objects that share a bin lie side by side in it, square to the way they come.
        shared = np.array([np.sum(unloader == each) > 1 for each in unloader])
        self._slots = np.zeros((len(loader), 2))
        self._slots[:, 1] = _SHARED_SLOT_M * shared * np.where(self._things % 2, -1.0, 1.0)

    def reset(self, ids: np.ndarray) -> None:
        """Forget what was tried in the given simulations."""
        self._picker.reset(ids)

    def act(self, at: Delivery, arm_dynamics: np.ndarray, car_dynamics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Commands of the arms, (n, arms, 5), and of the cars, (n, cars, 2).

        Args:
            at: where everything is.
            arm_dynamics: (n, arms, D).
            car_dynamics: (n, cars, D).
        """
        offset = at.stops - at.poses[..., :2]
        distance = np.hypot(offset[..., 0], offset[..., 1])
        speed = self._cars.twists(at.poses)[..., 0]
        stopped = (distance < _STOP_M + 0.03) & (np.abs(speed) < 0.1)
        return self._arms(at, stopped, arm_dynamics), self._drive(at, offset, distance, speed, car_dynamics)

    def _drive(
        self, at: Delivery, offset: np.ndarray, distance: np.ndarray, speed: np.ndarray, dynamics: np.ndarray
    ) -> np.ndarray:
        tips, things = self._arm.positions(), self._things
        hand = tips[:, self._loader] - at.centres
        clear = (hand[..., 2] > _CLEAR_M) | (np.hypot(hand[..., 0], hand[..., 1]) > 0.25)
        go = at.aboard & ~at.held[:, self._loader, things] & clear & (distance > _STOP_M)
        headings = np.arctan2(offset[..., 1], offset[..., 0])
        top = self._cars.max_speed_mps
        limit = np.minimum(_SPEED, np.maximum(speed, 0.0) / top + _GAIN_MPS)
        headings = np.where(go, headings, at.poses[..., 2])
        return towards(at.poses, headings, np.where(go, distance, 0.0), dynamics, self._cars.max_yaw_rate_radps, limit)

    def _arms(self, at: Delivery, stopped: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
        arm, tips = self._arm, self._arm.positions()
        hand = tips[:, :, None] - at.centres[:, None]
        # Whoever has just let go of something first opens and rises.
        leaves = (np.hypot(hand[..., 0], hand[..., 1]) < 0.05) & (hand[..., 2] < _CLEAR_M)
        base = at.centres[:, None, :, :2] - arm.bases[:, None, :2]
        near = np.square(base).sum(axis=-1) < _REACH_M**2
        loaded, lies = at.aboard[:, None], at.in_bin[:, None]
        waits = stopped[:, None] | ~loaded
        concerned = np.where(self._loads, ~loaded, ~lies & waits) & near
        ready = np.where(self._loads, loaded, lies) & ~at.held
        score = (self._loads | self._unloads) * (4 * at.held + 2 * (leaves & ready) + concerned)
        index = score.argmax(axis=-1)
        busy = score.max(axis=-1) > 0
        rows = np.arange(len(tips))[:, None]
        loads = self._loads.any(axis=1)
        sizes = at.sizes[rows, index]
        goals = at.bins + self._slots
        aim = self._picker.aim(
            Load(
                centres=at.centres[rows, index],
                yaws=at.yaws[rows, index],
                widths=sizes,
                rest=sizes / 2 + TRAY_HEIGHT_M * loads,
                held=np.take_along_axis(at.held, index[..., None], axis=-1)[..., 0],
                places=np.where(loads[:, None], at.poses[rows, index, :2], goals[rows, index]),
                placed=np.take_along_axis(ready, index[..., None], axis=-1)[..., 0],
            )
        )
        step_aside(arm, aim, ~busy, HOVER_M)
        return steer(arm, aim, dynamics)
