"""A node of the fleet's description as an action of ROS 2 launch."""

from __future__ import annotations

import sys

from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from metabot.bringup.description import NodeProcess
from metabot.bringup.description import ParameterValue as Value

RESPAWN_DELAY_S = 1.0


def node_action(node: NodeProcess) -> Node:
    """The launch action that starts a node as the supervisor would.

    By interpreter and module, so that the environment metabot is installed in is the one its
    nodes run in, whether or not the package is in an ament index.
    """
    return Node(
        executable=sys.executable,
        arguments=["-m", node.module],
        namespace=node.namespace,
        parameters=[{name: _typed(value) for name, value in node.parameters.items()}],
        respawn=node.respawn,
        respawn_delay=RESPAWN_DELAY_S,
        output="screen",
        emulate_tty=True,
        additional_env={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )


def _typed(value: Value) -> Value | ParameterValue:
    """Strings marked as such: launch would read JSON, or a sentence that is a number, as YAML."""
    return ParameterValue(value, value_type=str) if isinstance(value, str) else value
