"""The whole fleet: ``ros2 launch metabot fleet.launch.py robots:=3 task:="…"``."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from metabot.bringup.description import FleetDescription
from metabot.bringup.launching import node_action

ARGUMENTS = {
    "robots": ("3", "number of robots"),
    "task": (
        "three robots drive to the red, green and blue pads without touching each other",
        "what the fleet is to do, in a sentence",
    ),
    "method": ("meta-sgd", "meta-learner, see `metabot methods`"),
    "settings": ("", 'JSON of its settings that differ from the default, {"inner_steps": 2}'),
    "rounds": ("0", "meta-training rounds; 0: for ever"),
    "seed": ("0", "seed of placement, tasks and learning"),
    "distribution": ("", "JSON of the tasks to learn from: family, ranges, horizon, reward weights"),
    "exports": ("", "folder for the ONNX files of adapted policies; none are kept if empty"),
    "checkpoint": ("", "file of the meta-parameters to go on from and to keep; none if empty"),
}


def fleet(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The fleet's nodes, from the description that `metabot demo` starts its processes from."""
    said = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    numbers = {}
    for name in ("robots", "rounds", "seed"):
        if not said[name].isdecimal():
            raise ValueError(f"{name}:={said[name]} is not a whole number")
        numbers[name] = int(said[name])
    description = FleetDescription.of_size(
        numbers["robots"],
        rounds=numbers["rounds"],
        seed=numbers["seed"],
        method=said["method"],
        settings=said["settings"],
        sentence=said["task"],
        distribution=said["distribution"],
        exports=Path(said["exports"]) if said["exports"] else None,
        checkpoint=Path(said["checkpoint"]) if said["checkpoint"] else None,
    )
    return [node_action(node) for node in description.processes()]


def generate_launch_description() -> LaunchDescription:
    """Arguments first, then the fleet."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=fleet)])
