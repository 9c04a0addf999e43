"""The faults of a demo run: none of them was trained on exactly."""

from __future__ import annotations

from metabot.task import RobotDynamics, TaskSpec

FAULTS: tuple[RobotDynamics, ...] = (
    RobotDynamics(drive_gain=1.0, steer_gain=-1.0, steer_bias=0.0),
    RobotDynamics(drive_gain=0.65, steer_gain=1.0, steer_bias=0.28),
    RobotDynamics(drive_gain=-1.0, steer_gain=-1.0, steer_bias=0.0),
    RobotDynamics(drive_gain=-0.8, steer_gain=1.1, steer_bias=-0.2),
    RobotDynamics(drive_gain=0.9, steer_gain=1.35, steer_bias=-0.3),
    RobotDynamics(drive_gain=-0.7, steer_gain=-0.8, steer_bias=0.2),
)
"""By robot: steering reversed; weak drive and a steering bias, both outside the training
ranges; both signs reversed; and three more for larger fleets."""


def with_faults(spec: TaskSpec) -> TaskSpec:
    """The task with robot i suffering fault i."""
    robots = tuple(
        robot.model_copy(update={"dynamics": FAULTS[index % len(FAULTS)]}) for index, robot in enumerate(spec.robots)
    )
    return spec.model_copy(update={"robots": robots})
