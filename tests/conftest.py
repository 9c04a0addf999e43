"""Fixtures of all tests: a ROS domain of this run's own, and no process left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from metabot.bringup.domain import DomainLease
from metabot.bringup.supervisor import fleet_environment


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell's background jobs ignore it, and what tests start would inherit that.

    Fields of ROS messages are checked: else an int in a float64 is sent as 5e-324, see findings/ros-message-fields.sh.
    """
    os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the fleets of a distributed run on one worker: two at once would starve each other."""
    for item in items:
        if item.get_closest_marker("processes"):
            item.add_marker(pytest.mark.xdist_group("processes"))


@pytest.fixture(scope="session", autouse=True)
def own_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Hold a free ROS domain for the whole run, so that two runs on one machine never meet."""
    with DomainLease() as lease:
        os.environ.update(fleet_environment(lease.domain, tmp_path_factory.mktemp("logs")))
        yield lease.domain


@pytest.fixture
def domain() -> Iterator[int]:
    """A fresh ROS domain for one test: nothing latched by another test is heard."""
    with DomainLease() as lease:
        yield lease.domain


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Fail a test that leaves child processes, and end them.

    Python's own helper for spawned processes does not count: it ends with the interpreter.
    """
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    started = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    left = [process for process in started if "multiprocessing.resource_tracker" not in _command(process)]
    _, alive = psutil.wait_procs(left, timeout=3)
    commands = [_command(process) for process in alive]
    for process in alive:
        process.kill()
    assert not alive, f"left running: {commands}"


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return str(process)
