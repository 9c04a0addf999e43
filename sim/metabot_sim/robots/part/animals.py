"""The bodies of MaMuJoCo and who moves which of their joints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Body:
    """One of Gymnasium's animals.

    Attributes:
        file: in Gymnasium's assets.
        root: joints that carry the torso, the one along which it is to run first.
        senses: what is sensed of the torso, positions of the root's joints and then their rates,
            each with the size at which it counts as one; in place of the first the metres still to go.
        camera_m: where a camera that keeps the body in view stands from it.
    """

    file: str
    root: tuple[str, ...]
    senses: tuple[tuple[str, float], ...]
    camera_m: tuple[float, float, float]


@dataclass(frozen=True)
class Animal:
    """A body and its robots.

    Attributes:
        body: which.
        parts: joints of each robot, in the order of MaMuJoCo.
    """

    body: Body
    parts: tuple[tuple[str, ...], ...]


HALF_CHEETAH = Body(
    "half_cheetah.xml",
    root=("rootx", "rootz", "rooty"),
    senses=(
        ("to_go", 4.0),
        ("height", 1.0),
        ("pitch", 1.0),
        ("speed", 2.0),
        ("rise", 2.0),
        ("pitch_rate", 5.0),
    ),
    camera_m=(0.0, -3.2, 1.0),
)
ANT = Body(
    "ant.xml",
    root=("root",),
    senses=(
        ("to_go", 4.0),
        ("across", 1.0),
        ("height", 1.0),
        *((f"quaternion_{axis}", 1.0) for axis in "wxyz"),
        ("speed", 2.0),
        ("drift", 2.0),
        ("rise", 2.0),
        *((f"{axis}_rate", 5.0) for axis in ("roll", "pitch", "yaw")),
    ),
    camera_m=(0.0, -3.6, 2.4),
)
SWIMMER = Body(
    "swimmer.xml",
    root=("slider1", "slider2", "free_body_rot"),
    senses=(
        ("to_go", 1.0),
        ("across", 1.0),
        ("yaw", 1.0),
        ("speed", 0.5),
        ("drift", 0.5),
        ("yaw_rate", 2.0),
    ),
    camera_m=(0.0, -3.2, 4.0),
)

_BACK, _FRONT = ("bthigh", "bshin", "bfoot"), ("fthigh", "fshin", "ffoot")
_LEGS = tuple((f"hip_{number}", f"ankle_{number}") for number in (1, 2, 3, 4))
ANIMALS = {
    "gymnasium:mamujoco/HalfCheetah-2x3-v1": Animal(HALF_CHEETAH, (_BACK, _FRONT)),
    "gymnasium:mamujoco/HalfCheetah-6x1-v1": Animal(HALF_CHEETAH, tuple((name,) for name in _BACK + _FRONT)),
    "gymnasium:mamujoco/Ant-2x4-v1": Animal(ANT, (_LEGS[0] + _LEGS[1], _LEGS[2] + _LEGS[3])),
    "gymnasium:mamujoco/Ant-4x2-v1": Animal(ANT, _LEGS),
    "gymnasium:mamujoco/Swimmer-2x1-v1": Animal(SWIMMER, (("motor1_rot",), ("motor2_rot",))),
}
"""By the name of the family they are moved in (Peng et al. 2021, "FACMAC", appendix)."""
