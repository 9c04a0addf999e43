"""A fleet talks over the loopback interface and shares no memory with others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metabot.bringup.supervisor import fleet_environment

pytestmark = pytest.mark.processes

HEAR = """
import rclpy, sys
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node("hears")
heard = []
node.create_subscription(String, "/word", heard.append, 1)
while not heard:
    rclpy.spin_once(node, timeout_sec=1.0)
shared = [line for line in open("/proc/self/maps") if "/dev/shm/" in line and "fast" in line]
print(heard[0].data, len(shared))
"""
SAY = """
import rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node("says")
publisher = node.create_publisher(String, "/word", 1)
node.create_timer(0.1, lambda: publisher.publish(String(data="hello")))
rclpy.spin(node)
"""


def test_nodes_find_each_other_without_shared_memory(domain: int, tmp_path: Path) -> None:
    """A process killed while it holds a lock in shared memory would leave all later ones hanging."""
    environment = {**os.environ, **fleet_environment(domain, tmp_path)}
    says = subprocess.Popen([sys.executable, "-c", SAY], env=environment)
    try:
        hears = subprocess.run(
            [sys.executable, "-c", HEAR], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        says.kill()
        says.wait()
    assert hears.stdout.split() == ["hello", "0"], hears.stderr
