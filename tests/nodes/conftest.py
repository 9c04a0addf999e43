"""Small fleets of real processes for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from metabot.bringup.description import NodeProcess
from metabot.bringup.supervisor import Death, Supervisor
from metabot.nodes.client import FleetClient


@dataclass
class Fleet:
    """Processes and a client on one domain."""

    supervisor: Supervisor
    client: FleetClient
    deaths: list[Death]

    def log(self, label: str) -> str:
        return (self.supervisor.logs / f"{label}.log").read_text()


@pytest.fixture
def start_fleet(domain: int, tmp_path: Path) -> Iterator[Callable[[list[NodeProcess]], Fleet]]:
    """Start nodes in processes of their own; all are ended with the test."""
    with ExitStack() as stack:

        def start(nodes: list[NodeProcess]) -> Fleet:
            deaths: list[Death] = []
            supervisor = stack.enter_context(Supervisor(tmp_path / "logs", domain, on_death=deaths.append))
            client = stack.enter_context(FleetClient(domain, tick=supervisor.watch))
            supervisor.start(nodes)
            return Fleet(supervisor, client, deaths)

        yield start
