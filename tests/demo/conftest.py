"""Demos in processes of their own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from metabot.demo.config import CHECKPOINT
from metabot.params import load_checkpoint

DEMO = [sys.executable, "-m", "metabot.cli", "demo"]


class RunningDemo:
    """A demo in a process of its own, as a shell would start it."""

    def __init__(self, runs: Path, *arguments: str) -> None:
        self.output = runs.parent / f"{runs.name}.txt"
        self.runs = runs
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                [*DEMO, *arguments, "--runs", str(runs)], stdout=sink, stderr=sink, start_new_session=True
            )

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def folder(self) -> Path:
        return next(self.runs.iterdir())

    def nodes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []

    def node(self, module: str, namespace: str = "") -> psutil.Process | None:
        for process in self.nodes():
            command = " ".join(process.cmdline())
            if module in command and namespace in command:
                return process
        return None

    def wait_for(self, pattern: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, self.text()):
            assert self.process.poll() is None or re.search(pattern, self.text()), self.text()
            assert time.monotonic() < deadline, f"{pattern!r} not in: {self.text()}"
            time.sleep(0.1)

    def wait_for_rounds(self, count: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            for checkpoint in self.runs.glob(f"*/{CHECKPOINT}"):
                if load_checkpoint(checkpoint).info["version"] >= count:
                    return
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def finish(self, timeout_s: float) -> int:
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        if self.process.poll() is None:
            for process in [*self.nodes(), psutil.Process(self.process.pid)]:
                process.kill()
            self.process.wait()


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator:
    started: list[RunningDemo] = []

    def start(*arguments: str) -> RunningDemo:
        started.append(RunningDemo(tmp_path / f"runs-{len(started)}", *arguments))
        return started[-1]

    yield start
    for demo in started:
        demo.kill()
