"""The fleet's description: which nodes with which parameters. The demo and the launch file share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ParameterValue = bool | int | float | str | list[str]


@dataclass(frozen=True)
class NodeProcess:
    """One node in a process of its own."""

    executable: str
    """Module name below `metabot.nodes`, and its name for ``ros2 run metabot``."""
    namespace: str = "/"
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    respawn: bool = False
    """Start it again when it dies: it goes on from what is kept elsewhere."""

    @property
    def module(self) -> str:
        """Python module that runs the node."""
        return f"metabot.nodes.{self.executable}"

    @property
    def label(self) -> str:
        """Short name for people and log files: ``robot_1.policy``."""
        place = self.namespace.strip("/")
        return f"{place}.{self.executable}" if place else self.executable

    def ros_arguments(self) -> list[str]:
        """Command line arguments that give the node its namespace and parameters."""
        arguments = ["--ros-args", "-r", f"__ns:={self.namespace}"]
        for name, value in self.parameters.items():
            arguments += ["-p", f"{name}:={_yaml(value)}"]
        return arguments


@dataclass(frozen=True)
class FleetDescription:
    """A fleet: its robots and how they learn."""

    robots: tuple[str, ...]
    rounds: int = 20
    tasks: int = 8
    """Tasks per robot and round."""
    episodes: int = 8
    """Adaptation episodes per task."""
    trials: int = 64
    quorum: int = 0
    deadline_s: float = 30.0
    method: str = "meta-sgd"
    settings: str = ""
    """JSON of the fields of the method's configuration that differ from the default."""
    seed: int = 0
    control_hz: int = 20
    checkpoint: Path | None = None
    distribution: str = ""
    """JSON of the `metabot.task.TaskDistribution` that tasks are drawn from; "" is the default one."""
    sentence: str = ""
    """Read at start and published as the task; "" leaves that to whoever drives the fleet."""
    spec: str = ""
    """JSON of a `metabot.task.TaskSpec` that is published as the task at start, in place of a sentence."""
    exports: Path | None = None
    """Folder for the ONNX files of adapted policies; None keeps none."""

    def __post_init__(self) -> None:
        """Refuse a fleet that cannot be."""
        if not self.robots:
            raise ValueError("robots: a fleet needs at least one robot")
        if len(set(self.robots)) != len(self.robots):
            raise ValueError("robots: two robots have the same name")

    @classmethod
    def of_size(cls, count: int, **fields: object) -> FleetDescription:
        """A fleet of `count` robots named robot_1, robot_2 and so on."""
        return cls(tuple(f"robot_{index + 1}" for index in range(count)), **fields)  # type: ignore[arg-type]

    def language(self) -> NodeProcess:
        """The node that reads sentences."""
        return NodeProcess(
            "language", parameters={"task": self.sentence, "spec": self.spec, "seed": self.seed}, respawn=True
        )

    def shared(self) -> list[NodeProcess]:
        """The meta-learner and the simulator."""
        return [
            NodeProcess(
                "meta_learner",
                parameters={
                    "robots": list(self.robots),
                    "method": self.method,
                    "settings": self.settings,
                    "distribution": self.distribution,
                    "rounds": self.rounds,
                    "quorum": self.quorum,
                    "deadline_s": self.deadline_s,
                    "checkpoint": str(self.checkpoint or ""),
                    "seed": self.seed,
                },
                respawn=True,
            ),
            NodeProcess("simulator", respawn=True),
        ]

    def of_robot(self, robot: str) -> list[NodeProcess]:
        """The learner and the policy node of one robot."""
        learner: dict[str, ParameterValue] = {
            "method": self.method,
            "settings": self.settings,
            "distribution": self.distribution,
            "tasks": self.tasks,
            "episodes": self.episodes,
            "trials": self.trials,
            "seed": self.seed,
            "exports": str(self.exports or ""),
        }
        return [
            NodeProcess("robot_learner", namespace=f"/{robot}", parameters=learner, respawn=True),
            NodeProcess("policy", namespace=f"/{robot}", parameters={"rate_hz": self.control_hz}, respawn=True),
        ]

    def processes(self) -> list[NodeProcess]:
        """Every node of the fleet."""
        robots = [node for robot in self.robots for node in self.of_robot(robot)]
        return [self.language(), *self.shared(), *robots]


def _yaml(value: ParameterValue) -> str:
    """A parameter value as the YAML that ROS reads; quoted, so that a sentence stays a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
