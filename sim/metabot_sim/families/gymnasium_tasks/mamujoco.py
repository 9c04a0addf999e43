"""`gymnasium:mamujoco/…`: the parts of a body, each a robot, make it run together."""

from __future__ import annotations

import numpy as np

from metabot.task import Arena, Interval, RobotSpec, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts import gaits
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step
from metabot_sim.robots.part import ANIMALS, Part

SPEED_MPS = 1.0
"""Mean forward speed that counts as running."""
_HORIZON_S = 4.0
_MARGIN_M = 4.0
_START_RAD = 0.05


class Run(Family):
    """Parts of a half cheetah, each with motors of its own, run together."""

    mode = "cooperative"
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.8, high=1.0, signed=True),
        "damping": Interval(low=0.8, high=1.2),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=0.8, signed=True),
        "damping": Interval(low=1.2, high=1.5),
    }
    provides = frozenset({"approach_m", "power_w"})

    def __init__(self, name: str) -> None:
        """Choose the body.

        Args:
            name: one of `metabot_sim.robots.part.ANIMALS`.
        """
        parts = len(ANIMALS[name].parts)
        self.name = name  # type: ignore[misc]
        self.robots = (parts, parts, parts)  # type: ignore[misc]
        self.summary = f"{name.rpartition('/')[2]}: {parts} parts of one body run together"  # type: ignore[misc]

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=2.0 * (SPEED_MPS * _HORIZON_S + _MARGIN_M), width_m=4.0),
            robots=tuple(RobotSpec(name=f"part_{i + 1}", kind="part") for i in range(robots)),
            reward={"progress": 1.0, "success": 1.0, "effort": -0.01},
            team_share=1.0,
            horizon_s=_HORIZON_S,
            control_hz=20,
        )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`: each part's joints start a little turned."""
        batch.spawns[..., 2] = draws.uniform(-_START_RAD, _START_RAD, len(spec.robots))

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return RunRules(world)


class RunRules(Rules):
    """Success: the torso has come as far as `SPEED_MPS` takes it in the time of an episode."""

    task_names = ("to_go", "height", "pitch", "speed", "rise", "pitch_rate")

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        part = world.group("part")
        assert isinstance(part, Part)
        self._part = part
        self._goal = SPEED_MPS * world.spec.horizon_s
        self._torso = part.torso()
        self._steps = np.zeros(world.num_sims, dtype=np.int64)
        self._done = np.zeros(world.num_sims, dtype=bool)

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._torso = self._part.torso()
        self._steps[ids] = 0
        self._done[ids] = False

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        before = self._torso[:, 0]
        self._torso = self._part.torso()
        self._steps += 1
        old = self._done
        self._done = old | (self._torso[:, 0] >= self._goal)
        robots = (len(old), self.world.num_robots)
        torque = self.world.ctrl[:, self._part.actuators] * self.world.model.actuator_gear[self._part.actuators, 0]
        return Step(
            actions=actions,
            success=np.broadcast_to(self._done[:, None], robots).copy(),
            arrived=np.broadcast_to((self._done & ~old)[:, None], robots).copy(),
            ended=self._done,
            approach_m=np.broadcast_to((self._torso[:, 0] - before)[:, None], robots).copy(),
            power_w=np.abs(torque * self.world.qvel[:, self._part.dofs]).sum(-1),
        )

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        seen = self._torso / np.array([self._goal, 1.0, 1.0, 2.0, 2.0, 5.0])
        seen[:, 0] = 1.0 - seen[:, 0]
        return np.broadcast_to(seen[:, None], (len(seen), self.world.num_robots, seen.shape[1]))

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        time = self._steps / self.world.spec.control_hz
        return gaits.run(time, self._part.actuators, self.world.episodes.robot_dynamics)
