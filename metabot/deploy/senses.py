"""What one robot senses of its task, as its policy observes it: `Senses`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from metabot.deploy.contract import PolicyContract
from metabot.problems.interface import UNUSED
from metabot.task import SpecError, TaskSpec, Term
from metabot_sim.families.registry import family
from metabot_sim.frames import wrap
from metabot_sim.interface import robot_interface
from metabot_sim.shadow import Shadow

_OTHERS = re.compile(r"(neighbour|rival|mate|leader|seen|car)_")
"""Names of what a policy observes of other robots that drive."""
_COMPASS = {"heading_cos": np.cos, "heading_sin": np.sin}
"""What every robot that drives knows of itself, whether its family shows it or not."""
_LONGEST_STEP_S = 0.5
"""Two sightings further apart say nothing about a speed."""


class Senses:
    """A robot's sensors, and the task that it is in; times are seconds of any one clock.

    Attributes:
        spec: the task.
        robot: the robot's name.
        interface: what the task lets it observe and command.
        shadow: the world as it takes it to be.
    """

    def __init__(self, spec: TaskSpec, robot: str) -> None:
        """Begin where the task has everything.

        Args:
            spec: the task.
            robot: the robot's name in it.

        Raises:
            SpecError: if the task cannot be played, or nothing carries what a robot sees in it; one line.
            KeyError: if the robot has no part in it.
        """
        names = [each.name for each in spec.robots]
        if robot not in names:
            raise KeyError(f"no robot {robot!r}; robots: {', '.join(names)}")
        if family(spec.family).looks:
            raise SpecError(
                f"family: in {spec.family} a robot sees places through a camera of its own, which no topic carries;"
                " allowed: families in which places are said as they are"
            )
        self.spec, self.robot, self._index = spec, robot, names.index(robot)
        self.shadow = Shadow(spec)
        self.interface = robot_interface(self.shadow.env, self._index)
        self.arms = [each.name for each in spec.robots if each.kind == "arm"]
        self.drives = spec.robots[self._index].kind != "arm"
        self.cars = [each.name for each in spec.robots if each.kind != "arm"]
        self._others = [each.name for each in spec.robots if each.name != robot]
        self._pose = np.zeros(3)
        self._shown: dict[str, float] = {}
        self._sightings: dict[str, tuple[np.ndarray, float]] = {}

    def odometry(self, pose: np.ndarray, twist: np.ndarray, at_s: float) -> None:
        """Take in where a robot that drives believes to be.

        Args:
            pose: (3,) x, y, yaw.
            twist: (3,) ahead and to the left in m/s, yaw rate.
            at_s: time.
        """
        self._pose = np.asarray(pose, dtype=np.float64)
        self.shadow.show_car(self.robot, self._pose, twist)
        self._shown["odometry"] = at_s

    def begin(self) -> None:
        """Begin the task where everything is by now: what is counted from its start counts from here."""
        self.shadow.begin()

    def car(self, name: str, pose: np.ndarray, twist: np.ndarray, at_s: float) -> None:
        """Take in where a robot that drives is, as an arm is told it; arguments as those of `odometry`."""
        self.shadow.show_car(name, np.asarray(pose, dtype=np.float64), twist)
        self._shown[f"odometry {name}"] = at_s

    def joints(self, arm: str, positions: np.ndarray, velocities: np.ndarray, pressed: bool, at_s: float) -> None:
        """Take in the joints of an arm of the task, see `Shadow.show_arm`."""
        self.shadow.show_arm(arm, positions, velocities, pressed)
        self._shown[f"joints {arm}"] = at_s

    def thing(self, name: str, pose: np.ndarray, velocity: np.ndarray, at_s: float) -> None:
        """Take in where an object is, (7,) and (6,), see `Shadow.show_object`."""
        self.shadow.show_object(name, pose[:3], pose[3:], velocity)
        self._shown[f"object {name}"] = at_s

    def neighbours(self, seen: np.ndarray, at_s: float) -> None:
        """Take in the other robots of the task, in its order, as this one sees them.

        Args:
            seen: (k, 3) ahead, to the left and yaw, relative to this robot; of another number they are of the task
                before, and left alone.
            at_s: time.
        """
        if len(seen) != len(self._others):
            return
        cos, sin = np.cos(self._pose[2]), np.sin(self._pose[2])
        for name, (ahead, left, yaw) in zip(self._others, seen, strict=True):
            if name in self.arms:
                continue
            x, y = self._pose[:2] + np.array([cos * ahead - sin * left, sin * ahead + cos * left])
            pose = np.array([x, y, float(wrap(np.array(self._pose[2] + yaw)))])
            self.shadow.show_car(name, pose, self._speed(name, pose, at_s))
        self._shown["neighbours"] = at_s

    def _speed(self, name: str, pose: np.ndarray, at_s: float) -> np.ndarray:
        """How fast another robot moves in its own frame, (3,), from two sightings of it."""
        before, then = self._sightings.get(name, (pose, -np.inf))
        self._sightings[name] = pose, at_s
        if not 0.0 < at_s - then < _LONGEST_STEP_S:
            return np.zeros(3)
        change = (pose - before) / (at_s - then)
        change[2] = float(wrap(np.array(pose[2] - before[2]))) / (at_s - then)
        cos, sin = np.cos(pose[2]), np.sin(pose[2])
        return np.array([cos * change[0] + sin * change[1], cos * change[1] - sin * change[0], change[2]])

    def refused(self, contract: PolicyContract) -> str:
        """Why a policy cannot act in this task; empty where it can."""
        kind = self.spec.robots[self._index].kind
        if contract.robot_kind != kind:
            return f"it drives a robot of kind {contract.robot_kind}, {self.robot} is of kind {kind}"
        if contract.control_hz != self.spec.control_hz:
            return f"it acts at {contract.control_hz} Hz, the task at {self.spec.control_hz} Hz"
        known = {term.name: term for term in self.interface.observation}
        for term in contract.robot.observation:
            if term.name.startswith(UNUSED):
                continue
            if self._compass(term):
                continue
            if term.name not in known:
                return f"it observes {term.name}, which {self.robot} does not in {self.spec.family}"
            if term.unit and (term.unit, term.frame) != (known[term.name].unit, known[term.name].frame):
                mine = known[term.name]
                return (
                    f"it observes {term.name} in {term.unit}, frame {term.frame or 'none'}; here it is in {mine.unit},"
                    f" frame {mine.frame or 'none'}"
                )
        commands = [name for name in contract.action if not name.startswith(UNUSED)]
        if commands != list(self.interface.action_names):
            return f"it commands {', '.join(commands)}; {self.robot} takes {', '.join(self.interface.action_names)}"
        return ""

    def wanted(self, contract: PolicyContract) -> list[str]:
        """Names of the sensors that a policy needs here."""
        own = ["odometry"] if self.drives else []
        own += [f"joints {arm}" for arm in self.arms]
        own += [f"object {thing.name}" for thing in self.spec.objects]
        sees_others = any(_OTHERS.match(name) for name in contract.observation)
        if not self.drives:
            return [*own, *(f"odometry {car}" for car in self.cars if sees_others)]
        return [*own, *(["neighbours"] if sees_others and len(self.cars) > 1 else [])]

    def stale(
        self, contract: PolicyContract, now_s: float, longest_s: float, waiting: Mapping[str, float] | None = None
    ) -> list[str]:
        """Those of them that have said nothing yet, or not for so long, each with what is the matter.

        Args:
            contract: of the policy.
            now_s: time.
            longest_s: age from which on nothing is believed any more.
            waiting: times of what has arrived and was not taken in yet, by sensor.
        """
        found = []
        for name in self.wanted(contract):
            age = now_s - max(self._shown.get(name, -np.inf), (waiting or {}).get(name, -np.inf))
            if not age <= longest_s:
                found.append(f"no {name}" + (f" for {age:.1f} s" if np.isfinite(age) else " has arrived yet"))
        return found

    def observe(self, contract: PolicyContract) -> np.ndarray:
        """What the policy observes now, float32 (n,), in the units of its contract."""
        seen = self.shadow.look()[self._index]
        here = {term.name: (number, term) for number, term in enumerate(self.interface.observation)}
        values = np.empty(len(contract.robot.observation), dtype=np.float32)
        for place, term in enumerate(contract.robot.observation):
            if term.name.startswith(UNUSED):
                values[place] = 0.0
                continue
            if self._compass(term):
                values[place] = _COMPASS[term.name](self._pose[2])
                continue
            number, mine = here[term.name]
            if term.reach_m is not None and self._nearest_m > term.reach_m:
                values[place] = 0.0
                continue
            same = not term.unit or (term.scale, term.offset) == (mine.scale, mine.offset)
            values[place] = seen[number] if same else term.seen(mine.quantity(float(seen[number])))
        return values

    def _compass(self, term: Term) -> bool:
        """Whether it is the robot's own heading on the map, in a family that does not show it."""
        return (
            self.drives
            and term.name in _COMPASS
            and term.frame == "map"
            and term.name not in self.interface.observation_names
        )

    @property
    def _nearest_m(self) -> float:
        """Metres to the nearest other robot that was ever seen; infinite before."""
        ways = [pose[:2] - self._pose[:2] for pose, _ in self._sightings.values()]
        return min((float(np.hypot(*way)) for way in ways), default=np.inf)

    def act(self, action: np.ndarray) -> None:
        """Remember what the robot is told now; the others do what they do."""
        actions = np.zeros((len(self.spec.robots), self.shadow.env.max_action_size))
        width = len(self.interface.action)
        actions[self._index, :width] = action[:width]
        self.shadow.act(actions)

    @property
    def cooperative(self) -> bool:
        """Whether the robots of the task do their part together, or not at all."""
        return self.shadow.env.family.mode == "cooperative"

    @property
    def success(self) -> bool:
        """Whether the robot has done its part, as far as it can tell."""
        return bool(self.shadow.success[self._index])
