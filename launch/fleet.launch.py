"""The whole fleet: ``ros2 launch metabot fleet.launch.py robots:=3 task:="…"``."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from metabot.bringup.description import FleetDescription
from metabot.bringup.launching import node_action
from metabot.bringup.world import drawn, fleet_for
from metabot.demo.config import DEFAULT_TASK
from metabot.task import TaskSpec

ARGUMENTS = {
    "robots": ("", "number of robots; 3, or as many as the family usually has"),
    "task": ("", f"what the fleet is to do, in a sentence; where nothing else says it: {DEFAULT_TASK}"),
    "family": ("", "play a task of this family in place of a sentence, see `metabot sim list`"),
    "spec": ("", "file of the world in place of a sentence: a TaskSpec in JSON"),
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
        if said[name] and not said[name].isdecimal():
            raise ValueError(f"{name}:={said[name]} is not a whole number")
        numbers[name] = int(said[name]) if said[name] else None
    fields = {
        "rounds": numbers["rounds"],
        "seed": numbers["seed"],
        "method": said["method"],
        "settings": said["settings"],
        "distribution": said["distribution"],
        "exports": Path(said["exports"]) if said["exports"] else None,
        "checkpoint": Path(said["checkpoint"]) if said["checkpoint"] else None,
    }
    stated = [name for name in ("task", "family", "spec") if said[name]]
    if len(stated) > 1:
        raise ValueError(f"{stated[1]}:= beside {stated[0]}:=; allowed: one of them says what the fleet is to do")
    if said["family"] or said["spec"]:
        if said["spec"] and numbers["robots"] is not None:
            raise ValueError(f"robots:={numbers['robots']} beside spec:=, which says who is there")
        world = (
            TaskSpec.read(Path(said["spec"]))
            if said["spec"]
            else drawn(said["family"], numbers["robots"], numbers["seed"])
        )
        description = fleet_for(world, **fields)
    else:
        description = FleetDescription.of_size(numbers["robots"] or 3, sentence=said["task"] or DEFAULT_TASK, **fields)
    return [node_action(node) for node in description.processes()]


def generate_launch_description() -> LaunchDescription:
    """Arguments first, then the fleet."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=fleet)])
