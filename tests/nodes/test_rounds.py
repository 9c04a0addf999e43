"""Rounds over real topics: what robots may do to a meta-learner, and what may happen to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metabot_interfaces import msg

from metabot.bringup.description import FleetDescription, NodeProcess
from metabot.fleet import Update
from metabot.nodes import conversions as convert
from metabot.nodes.client import FleetClient
from metabot.nodes.learning import Learning
from metabot.nodes.qos import latched, reliable
from metabot.params import load_checkpoint

pytestmark = pytest.mark.processes
LEARNING = Learning.of("meta-sgd", "", "")
LAYOUT, IDENTITY = LEARNING.learner.layout, LEARNING.identity
ROBOTS = ("robot_1", "robot_2", "robot_3")


class HandmadeRobot:
    """Speaks as a robot learner does, and says what the test wants."""

    def __init__(self, client: FleetClient, name: str) -> None:
        self.name = name
        node = client._node
        self._updates = node.create_publisher(msg.ParameterUpdate, "/meta/updates", latched())
        self._status = node.create_publisher(msg.RobotStatus, "/fleet/status", reliable())
        self._clock = node.get_clock()

    def beat(self) -> None:
        self._status.publish(msg.RobotStatus(robot=self.name))

    def send(self, version: int, **changes: object) -> None:
        update = Update(self.name, IDENTITY, version, np.full(LAYOUT.size, 0.5, np.float32), weight=8.0, env_steps=10)
        self.send_message(convert.update_to_ros(replace(update, **changes), self._clock.now().to_msg()))  # type: ignore[arg-type]

    def send_message(self, message: msg.ParameterUpdate) -> None:
        self._updates.publish(message)


def meta_learner(tmp_path: Path, **fields: object) -> NodeProcess:
    fleet = FleetDescription(
        ROBOTS, checkpoint=tmp_path / "meta.checkpoint", **{"rounds": 3, "deadline_s": 4.0, **fields}
    )  # type: ignore[arg-type]
    return fleet.shared()[0]


def version_is(client: FleetClient, version: int) -> Callable[[], bool]:
    return lambda: client.view.parameters is not None and client.view.parameters.version == version


def test_bad_updates_are_refused_by_name_and_the_round_goes_on(start_fleet, tmp_path: Path) -> None:
    fleet = start_fleet([meta_learner(tmp_path, deadline_s=60.0)])
    client = fleet.client
    first, second, third = (HandmadeRobot(client, name) for name in ROBOTS)
    client.wait(version_is(client, 0), "parameters", 30)
    start = convert.meta_parameters_from_ros(client.view.parameters).vector
    nan = np.full(LAYOUT.size, 0.5, np.float32)
    nan[3] = np.nan
    first.send(0, delta=nan)
    first.send(0, delta=np.ones(7, np.float32))
    first.send(0, identity=replace(IDENTITY, layout="0123456789abcdef"))
    first.send(0, identity=replace(IDENTITY, method="reptile"))
    first.send(5)
    damaged = convert.update_to_ros(Update("robot_1", IDENTITY, 0, nan, 8.0), client._node.get_clock().now().to_msg())
    damaged.checksum ^= 1
    first.send_message(damaged)
    HandmadeRobot(client, "stranger").send(0)
    time.sleep(0.5)
    for robot in (first, second):
        robot.send(0)
    second.send(0, delta=np.full(LAYOUT.size, 99.0, np.float32))
    time.sleep(0.5)
    third.send(0)
    client.wait(version_is(client, 1), "the next version", 20)
    done = client.view.rounds[0]
    refused = "\n".join(done.rejected)
    for reason in (
        "robot_1: 1 numbers are NaN or infinite",
        "robot_1: 7 numbers, layout",
        "robot_1: layout 0123456789abcdef is not the fleet's",
        "robot_1: for the future version 5, the round is 0",
        "robot_1: checksum",
        "stranger: not a robot of this fleet",
        "robot_2: a second update for version 0",
    ):
        assert reason in refused
    assert done.received == list(ROBOTS) and done.missing == []
    after = convert.meta_parameters_from_ros(client.view.parameters).vector
    assert np.allclose(after - start, 0.5, atol=1e-6)
    first.send(0)
    client.wait(lambda: "for the old version 0, the round is 1" in fleet.log("meta_learner"), "the refusal", 10)
    assert "Traceback" not in fleet.log("meta_learner")


def test_without_a_quorum_the_round_is_extended_not_hung(start_fleet, tmp_path: Path) -> None:
    client = start_fleet([meta_learner(tmp_path, deadline_s=1.5)]).client
    client.wait(version_is(client, 0), "parameters", 30)
    first, second = HandmadeRobot(client, "robot_1"), HandmadeRobot(client, "robot_2")
    first.send(0)

    def extended_with_one() -> bool:
        newest = client.view.round
        return newest is not None and newest.state == msg.Round.EXTENDED and list(newest.received) == ["robot_1"]

    client.wait(extended_with_one, "an extension that names who is in", 20)
    assert list(client.view.round.missing) == ["robot_2", "robot_3"]
    assert client.view.parameters.version == 0
    second.send(0)
    client.wait(version_is(client, 1), "the next version", 20)
    assert list(client.view.rounds[0].missing) == ["robot_3"]


def test_a_killed_meta_learner_goes_on_and_no_round_is_lost(start_fleet, tmp_path: Path, domain: int) -> None:
    fleet = start_fleet([meta_learner(tmp_path, deadline_s=60.0)])
    client = fleet.client
    robots = [HandmadeRobot(client, name) for name in ROBOTS]
    client.wait(version_is(client, 0), "parameters", 30)
    for robot in robots:
        robot.send(0)
    client.wait(version_is(client, 1), "version 1", 20)
    one = convert.meta_parameters_from_ros(client.view.parameters).vector
    for robot in robots[:2]:
        robot.send(1)  # in the middle of round 1: two of three are in
    client.wait(lambda: load_checkpoint(tmp_path / "meta.checkpoint").info["version"] == 1, "checkpoint", 10)
    client.view.parameters = None
    os.kill(fleet.supervisor.pid("meta_learner"), signal.SIGKILL)
    client.wait(version_is(client, 1), "version 1 again", 30)
    assert np.array_equal(convert.meta_parameters_from_ros(client.view.parameters).vector, one)
    assert [death.reason for death in fleet.deaths] == ["killed by SIGKILL"] and fleet.deaths[0].respawned
    with FleetClient(domain) as late:
        late.wait(lambda: 0 in late.view.rounds, "the round before the restart, told again", 10)
    robots[2].send(1)  # the other two are not asked again: their updates are latched
    client.wait(version_is(client, 2), "version 2", 20)
    assert sorted(client.view.rounds) == [0, 1]
    assert list(client.view.rounds[1].received) == list(ROBOTS)
    assert np.allclose(convert.meta_parameters_from_ros(client.view.parameters).vector - one, 0.5, atol=1e-6)


def test_a_late_joiner_gets_the_newest_parameters_and_all_rounds(start_fleet, tmp_path: Path, domain: int) -> None:
    client = start_fleet([meta_learner(tmp_path)]).client
    robots = [HandmadeRobot(client, name) for name in ROBOTS]
    for version in range(3):
        client.wait(version_is(client, version), "parameters", 30)
        for robot in robots:
            robot.send(version)
    client.wait(version_is(client, 3), "the last version", 20)
    with FleetClient(domain) as late:
        late.wait(version_is(late, 3), "the newest parameters", 10)
        late.wait(lambda: sorted(late.view.rounds) == [0, 1, 2], "the finished rounds", 10)


def test_a_foreign_checkpoint_is_refused_in_one_line(start_fleet, tmp_path: Path) -> None:
    (tmp_path / "meta.checkpoint").write_bytes(b"not a checkpoint")
    fleet = start_fleet([meta_learner(tmp_path)])
    fleet.client.wait(lambda: bool(fleet.deaths), "the end of the node", 30)
    death = fleet.deaths[0]
    assert death.lasting and "ended with code 2: meta_learner: checkpoint: " in death.reason
    assert "Traceback" not in fleet.log("meta_learner")


def test_two_fleets_at_once_do_not_hear_each_other(start_fleet, tmp_path: Path) -> None:
    from metabot.bringup.domain import DomainLease
    from metabot.bringup.supervisor import Supervisor

    ours = start_fleet([meta_learner(tmp_path / "ours", seed=1)])
    with (
        DomainLease() as other,
        Supervisor(tmp_path / "other-logs", other.domain) as supervisor,
        FleetClient(other.domain, tick=supervisor.watch) as theirs,
    ):
        supervisor.start([meta_learner(tmp_path / "theirs", seed=2)])
        for client in (ours.client, theirs):
            client.wait(version_is(client, 0), "parameters", 30)
        robots = [HandmadeRobot(theirs, name) for name in ROBOTS]
        for robot in robots:
            robot.send(0)
        theirs.wait(version_is(theirs, 1), "their next version", 20)
        time.sleep(1.0)
        assert ours.client.view.parameters.version == 0
        assert ours.client.view.rounds == {}
