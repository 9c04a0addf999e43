"""Starting the fleet's processes, watching them, and ending every one of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import psutil

from metabot.bringup.description import NodeProcess
from metabot.ending import answering, postponed

SUPERVISOR_PID = "METABOT_SUPERVISOR_PID"
"""Environment variable that tells a node whose death it must not outlive."""

GRACE_S = 1.0
"""Seconds a process has to end by itself when it is asked to."""
MAX_RESPAWNS = 3


@dataclass
class _Running:
    node: NodeProcess
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    starts: int = 1
    gone: bool = False


@dataclass(frozen=True)
class Death:
    """A process ended although nobody asked it to."""

    label: str
    reason: str
    """In words: "killed by SIGKILL", "ended with code 2: …"."""
    respawned: bool
    lasting: bool
    """It will not come back."""


@dataclass
class Supervisor:
    """Runs node processes until told to stop; use it as a context manager.

    Every process writes to a log file of its own, gets SIGINT first and SIGKILL after
    `GRACE_S`, and is killed by the kernel should the supervisor itself be killed.

    Attributes:
        logs: folder of the log files.
        domain: ROS domain of all processes.
        environment: further environment variables.
        on_death: called by `watch` for each process that died.
    """

    logs: Path
    domain: int
    environment: Mapping[str, str] = field(default_factory=dict)
    on_death: Callable[[Death], None] = lambda death: None
    _running: dict[str, _Running] = field(default_factory=dict)
    _peak_rss: int = 0

    def start(self, nodes: Iterable[NodeProcess]) -> None:
        """Start nodes; their labels must be new."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for node in nodes:
            with postponed():  # or a process is born that nobody knows of
                log = (self.logs / f"{node.label}.log").open("ab")
                self._running[node.label] = _Running(node, self._spawn(node, log), log)

    def _spawn(self, node: NodeProcess, log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            **fleet_environment(self.domain, self.logs),
            SUPERVISOR_PID: str(os.getpid()),
            **self.environment,
        }
        return subprocess.Popen(
            [sys.executable, "-m", node.module, *node.ros_arguments()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches us alone; we end them in order
        )

    def watch(self) -> None:
        """Look after the processes once: note memory, tell of deaths, start again what may be."""
        self._peak_rss = max(self._peak_rss, self.rss())
        for running in self._running.values():
            code = running.process.poll()
            if code is None or running.gone:
                continue
            # Code 2 is a node that cannot do what its parameters ask: trying again will not help.
            again = running.node.respawn and running.starts <= MAX_RESPAWNS and code != 2
            running.gone = not again
            self.on_death(Death(running.node.label, self._reason(running, code), again, not again))
            if again:
                running.starts += 1
                with postponed():
                    running.process = self._spawn(running.node, running.log)

    def _reason(self, running: _Running, code: int) -> str:
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        lines = Path(running.log.name).read_text(errors="replace").strip().splitlines()
        return f"ended with code {code}" + (f": {lines[-1]}" if lines else "")

    def alive(self, label: str) -> bool:
        """Whether a process is running or will be started again."""
        return label in self._running and not self._running[label].gone

    def pid(self, label: str) -> int:
        """Process id of a node."""
        return self._running[label].process.pid

    def rss(self) -> int:
        """Resident memory of this process and all it started, in bytes; shared pages count each time."""
        total = 0
        for pid in [os.getpid(), *(running.process.pid for running in self._running.values())]:
            with contextlib.suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
        return total

    @property
    def peak_rss_mb(self) -> float:
        """Highest `rss` that `watch` has seen, in MB."""
        return self._peak_rss / 1e6

    def stop(self) -> None:
        """End every process; returns when all are gone. A further Ctrl-C does not cut it short."""
        with answering(signal.SIG_IGN):
            self._stop()

    def _stop(self) -> None:
        living = [running.process for running in self._running.values() if running.process.poll() is None]
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + GRACE_S
        for process in living:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in living:
            if process.poll() is None:
                process.kill()
            process.wait()
        for running in self._running.values():
            running.log.close()
        self._running.clear()

    def __enter__(self) -> Supervisor:
        """The supervisor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        self.stop()


def fleet_environment(domain: int, logs: Path) -> dict[str, str]:
    """Environment of every process of a fleet on one machine.

    Args:
        domain: ROS domain.
        logs: folder for the log files of ROS itself.

    UDP over the loopback interface alone, see ``loopback.xml``: vectors of this size travel no
    slower than through shared memory. One OpenMP thread each: a fleet has more processes than
    cores.
    """
    # Fast DDS 2, up to ROS 2 Jazzy, knows the setting by its old name, and 3 warns of that.
    old = os.environ.get("ROS_DISTRO") in ("humble", "iron", "jazzy")
    return {
        "ROS_DOMAIN_ID": str(domain),
        "ROS_LOG_DIR": str(logs.absolute() / "ros"),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",
        f"{'FASTRTPS' if old else 'FASTDDS'}_DEFAULT_PROFILES_FILE": str(Path(__file__).with_name("loopback.xml")),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "RCUTILS_COLORIZED_OUTPUT": "0",
    }
