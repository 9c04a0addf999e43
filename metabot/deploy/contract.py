"""The contract of an exported policy: what the ONNX file says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from metabot.task import RobotInterface, Term

METADATA_KEY = "metabot"
FORMAT = 2
_NAMES_ALONE = 1
"""Format of files whose observations and actions are names without units."""

OBSERVATION, ACTION = "observation", "action"
LAST_ACTION, LAST_REWARD, FIRST, RESET = "last_action", "last_reward", "first", "reset"


class PolicyFileError(ValueError):
    """An ONNX file cannot drive this robot; the message is one line that says why."""


@dataclass(frozen=True)
class StateEntry:
    """One array that a policy carries from step to step.

    Attributes:
        name: of the graph's input; the output for the next step has ``_next`` behind it.
        shape: without the batch.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def output(self) -> str:
        """Name of the graph's output."""
        return f"{self.name}_next"


@dataclass(frozen=True)
class PolicyContract:
    """What a policy file needs from, and promises to, whoever runs it.

    The graph's inputs are ``inputs`` and then the ``state``, all float32 with the batch first:

    - ``observation`` (batch, n): every number as its term says, (quantity - offset) / scale.
    - ``last_action`` (batch, m): the command before, as it was carried out; ``last_reward`` (batch,): what
      it brought; ``first`` (batch,): 1 at the first step of an episode. Policies with a memory read these.
    - ``reset`` (batch,): 1 where everything is to be forgotten: the graph then takes the memory that the policy
      was exported with, whatever stands in ``state``, ``last_action`` and ``last_reward`` (zeros will do).

    Its outputs are ``action`` (batch, m), clipped to [-1, 1], and the state for the next step.

    Attributes:
        robot: what the robot observes and commands, units, scales, frames and rate.
        layout_hash: of the parameter vector.
        version: of the meta-parameters that it was made from.
        method: the meta-learner; empty where a network was made by hand.
        settings: of the method that differ from its default.
        family: the problem that it learned on.
        task_digest: of the task that it was adapted to; empty where it was not.
        adapted: how it was adapted, for people; empty where it was not.
        inputs: names of the graph's inputs before the state, in order.
        state: what goes from step to step, in order; none for a policy without a memory.
        made_with: versions of what made the file.
        format: of this contract.
    """

    robot: RobotInterface
    layout_hash: str
    version: int = 0
    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    task_digest: str = ""
    adapted: str = ""
    inputs: tuple[str, ...] = (OBSERVATION,)
    state: tuple[StateEntry, ...] = ()
    made_with: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def robot_kind(self) -> str:
        """Kind of robot that it drives."""
        return self.robot.kind

    @property
    def observation(self) -> tuple[str, ...]:
        """Names of what it observes."""
        return self.robot.observation_names

    @property
    def action(self) -> tuple[str, ...]:
        """Names of what it commands."""
        return self.robot.action_names

    @property
    def control_hz(self) -> int:
        """Commands per second."""
        return self.robot.control_hz

    @property
    def reads_reward(self) -> bool:
        """Whether it has to be told rewards."""
        return LAST_REWARD in self.inputs

    def to_json(self) -> str:
        """JSON for the ONNX file's metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: str) -> PolicyContract:
        """The contract of a file.

        Raises:
            PolicyFileError: if the file has none, or one of another format.
        """
        try:
            fields: dict[str, Any] = json.loads(metadata[METADATA_KEY])
            found = fields["format"]
            if found not in (_NAMES_ALONE, FORMAT):
                raise PolicyFileError(
                    f"{path}: contract format {found}, this metabot reads {_NAMES_ALONE} and {FORMAT}"
                )
            if found == _NAMES_ALONE:
                return cls._of_names(fields)
            state = tuple(StateEntry(each["name"], tuple(each["shape"])) for each in fields["state"])
            robot = RobotInterface.from_dict(fields["robot"])
            return cls(**{**fields, "robot": robot, "state": state, "inputs": tuple(fields["inputs"])})
        except (KeyError, TypeError, json.JSONDecodeError):
            raise PolicyFileError(f"{path}: not a policy exported by metabot (no {METADATA_KEY!r} metadata)") from None

    @classmethod
    def _of_names(cls, fields: dict[str, Any]) -> PolicyContract:
        # Such files drive differential-drive robots alone; by their own odometry where they observe their way.
        goal_frame = "start" if "way_forward" in fields["observation"] else "base"
        seen, done = (
            tuple(_usual(str(name), goal_frame) for name in fields[part]) for part in ("observation", "action")
        )
        return cls(
            robot=RobotInterface(fields["robot_kind"], seen, done, int(fields["control_hz"])),
            layout_hash=fields["layout_hash"],
            version=fields["version"],
            task_digest=fields["task_digest"],
        )


def _usual(name: str, goal_frame: str) -> Term:
    """What a name meant before contracts said it."""
    if name in ("forward", "forward_speed"):
        return Term(name, "m/s", 1.0, frame="base")
    if name in ("turn", "yaw_rate"):
        return Term(name, "rad/s", 3.0, frame="base")
    frame = goal_frame if name.startswith("goal") else "base"
    return Term(name, "1", frame=frame) if name.endswith(("cos", "sin")) else Term(name, "m", 2.0, frame=frame)
