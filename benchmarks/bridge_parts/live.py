"""A live fleet that learns `drive-goal`, by whichever build runs this file: seconds until it masters new tasks.

It is run as a script, by the interpreter and in the folder of a checkout, whose own fleet it starts.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROBOTS, TASKS, EPISODES = 3, 8, 8
MASTERED = 0.95


def learn(rounds: int, seed: int) -> list[dict[str, Any]]:
    """Rounds of a fleet of Meta-SGD, each with its ``success`` after adaptation and ``seconds`` since the first.

    Args:
        rounds: to run.
        seed: of the fleet.
    """
    from metabot.bringup.description import FleetDescription
    from metabot.bringup.domain import DomainLease
    from metabot.bringup.supervisor import Supervisor, fleet_environment
    from metabot.nodes.client import FleetClient

    with DomainLease() as lease, tempfile.TemporaryDirectory() as folder:
        os.environ.update(fleet_environment(lease.domain, Path(folder)))
        fleet = FleetDescription.of_size(ROBOTS, rounds=rounds, tasks=TASKS, episodes=EPISODES, seed=seed)
        nodes = [node for node in fleet.processes() if node.executable in ("meta_learner", "robot_learner")]
        with Supervisor(Path(folder), lease.domain) as supervisor:
            supervisor.start(nodes)
            with FleetClient(lease.domain, tick=supervisor.watch) as client:
                view = client.view
                # Processes start at paces of their own: time runs once all of them take part.
                client.wait(lambda: len(view.robots) == ROBOTS, "the robots", 120)
                client.wait(lambda: 0 in view.rounds, "the first round", 300)
                started, found = time.monotonic(), []
                for number in range(1, rounds):

                    def closed(number: int = number) -> bool:
                        return number in view.rounds

                    client.wait(closed, f"round {number}", 300)
                    success = float(view.rounds[number].success_after)
                    found.append({"success": success, "seconds": time.monotonic() - started})
                return found


if __name__ == "__main__":
    print(json.dumps(learn(int(sys.argv[1]), int(sys.argv[2]))))
