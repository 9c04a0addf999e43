"""The façade that talks to a fleet stays alive whatever is asked of it."""

import threading
import time

import pytest
from rclpy.event_handler import EventHandler
from rclpy.node import Node

from metabot.nodes.client import FleetClient
from metabot_sim.families.registry import family


def test_an_action_client_is_not_waited_for_before_it_is_whole(domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Node.add_waitable

    def slowly(self: Node, waitable: object) -> None:
        """Widens the gap between the executor's first sight of a client and the end of its making."""
        original(self, waitable)
        time.sleep(0.3)

    beaten = threading.Event()
    with FleetClient(domain) as client:
        client._node.create_timer(0.02, beaten.set)
        monkeypatch.setattr(Node, "add_waitable", slowly)
        spec = family("drive-goal").spec(1)
        pending = [client.adapt("robot_1", spec) for _ in range(2)]
        assert pending[0] is not pending[1] and list(client._adapt) == ["robot_1"]
        beaten.clear()
        assert beaten.wait(5.0) and client._thread.is_alive()


def test_what_was_handed_out_is_taken_back_though_it_is_about_to_be_waited_for(
    domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = EventHandler.add_to_wait_set

    def slowly(self: EventHandler, wait_set: object) -> None:
        """Widens the gap between the executor's choice of what it waits for and its waiting."""
        time.sleep(0.01)
        original(self, wait_set)

    with FleetClient(domain) as client:
        client._node.create_timer(0.02, lambda: None)
        monkeypatch.setattr(EventHandler, "add_to_wait_set", slowly)
        for _ in range(5):
            client.hand_out(("robot_1", "robot_2"), b"policy", "policy.onnx")
            time.sleep(0.1)
            client.take_back()
        assert client._thread.is_alive()
