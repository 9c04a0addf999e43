"""The meta-learner node: rounds with quorum and deadline."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from metabot_interfaces import msg
from rclpy.subscription import Subscription

from metabot.fleet import Closed, Extended, MetaParameters, Rejected, RoundConfig, RoundKeeper, weighted_mean
from metabot.meta.config import settings_of
from metabot.nodes import conversions as convert
from metabot.nodes.learning import Learning
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, reliable
from metabot.params import CheckpointError, LayoutError, Origin, load_checkpoint, save_checkpoint

POLL_PERIOD_S = 0.05
ROUND_HISTORY = 1000


class MetaLearnerNode(ManagedNode):
    """Publishes meta-parameters, collects the robots' updates, aggregates, publishes again.

    Parameters:
        robots (string[]): names of the fleet's robots.
        method (string, "meta-sgd"): a name of `metabot.meta.META_LEARNERS`.
        settings (string, ""): JSON of the fields of its configuration that differ from the default.
        distribution (string, ""): JSON of the `metabot.task.TaskDistribution` that the robots learn from.
        rounds (int, 30): rounds to run; 0 goes on for ever.
        quorum (int, 0): updates a round needs; 0 is more than half of the fleet.
        deadline_s (double, 30): seconds after which a quorum is enough.
        alive_s (double, 5): seconds without a heartbeat after which a robot is not waited for.
        checkpoint (string): file to go on from and to write after every round; "" for none.
        seed (int, 0): seed of the first meta-parameters.

    Publishes:
        /meta/parameters (MetaParameters, latched), /meta/round (Round, latched).

    Subscribes:
        /meta/updates (ParameterUpdate, latched per robot), /fleet/status (RobotStatus).
    """

    def __init__(self) -> None:
        """Declare parameters and topics."""
        super().__init__("meta_learner")
        robots = self.parameter("robots", [""], "names of the fleet's robots")
        self._robots = tuple(robot for robot in robots if robot)
        self._method: str = self.parameter("method", "meta-sgd", "meta-learner by its registry name")
        self._settings: str = self.parameter("settings", "", "JSON of the meta-learner's settings")
        self._distribution: str = self.parameter("distribution", "", "JSON of a TaskDistribution")
        self._rounds: int = self.parameter("rounds", 30, "rounds to run; 0: for ever")
        self._quorum: int = self.parameter("quorum", 0, "updates a round needs; 0: more than half")
        self._deadline_s: float = self.parameter("deadline_s", 30.0, "seconds after which a quorum is enough")
        self._alive_s: float = self.parameter(
            "alive_s", 5.0, "seconds of silence after which a robot is not waited for"
        )
        checkpoint = self.parameter("checkpoint", "", "file to go on from and to write after every round")
        self._checkpoint = Path(checkpoint) if checkpoint else None
        self._seed: int = self.parameter("seed", 0, "seed of the first meta-parameters")
        self._parameters_out = self.create_publisher(msg.MetaParameters, "/meta/parameters", latched())
        self._round = self.create_publisher(msg.Round, "/meta/round", latched(ROUND_HISTORY))
        self._updates_in: Subscription | None = None
        self.create_subscription(msg.RobotStatus, "/fleet/status", self._on_status, reliable(64))
        self.create_timer(POLL_PERIOD_S, self._poll)

    def setup(self) -> None:
        """Build the learner and load the checkpoint."""
        try:
            learning = Learning.of(self._method, self._settings, self._distribution)
            config = RoundConfig(
                robots=self._robots, quorum=self._quorum, deadline_s=self._deadline_s, alive_s=self._alive_s
            )
        except ValueError as problem:
            raise SetupError(str(problem)) from None
        learner, self._learning = learning.learner, learning
        self._keeper = RoundKeeper(config, learning.identity, learner.layout.size)
        self._history: list[dict[str, Any]] = []
        version, self._vector = 0, learner.initial(np.random.default_rng(self._seed))
        if self._checkpoint is not None:
            try:
                found = load_checkpoint(self._checkpoint, learner.layout)
                origin = Origin.of(found.info, self._checkpoint)
            except FileNotFoundError:
                pass
            except CheckpointError as problem:
                raise SetupError(f"checkpoint: {problem}") from None
            else:
                if origin.method != self._method:
                    raise SetupError(f"checkpoint: {self._checkpoint} was made by {origin.method}, not {self._method}")
                self._vector, version = found.vector, origin.version
                self.get_logger().info(f"going on from round {version} of {self._checkpoint}")
                self._history = list(found.info.get("history", []))
        self._version = version
        self._opened = -1
        # Made only now: latched updates arrive at once and need the keeper.
        if self._updates_in is not None:
            self.destroy_subscription(self._updates_in)
        self._updates_in = self.create_subscription(msg.ParameterUpdate, "/meta/updates", self._on_update, latched(64))

    def begin(self) -> None:
        """Tell the finished rounds again to those who missed them, then open the next."""
        for fields in self._history:
            self._publish_round(msg.Round.CLOSED, **fields)
        if self._opened != self._version:  # else the round goes on with what had come in
            self._open(self._version)

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        """Round, received and missing robots."""
        level, summary, values = super().diagnose()
        if self.active:
            keeper = self._keeper
            values = {
                "version": keeper.version,
                "received": ",".join(keeper.received),
                "missing": ",".join(keeper.missing),
            }
        return level, summary, values

    @property
    def _finished(self) -> bool:
        return self._rounds > 0 and self._version >= self._rounds

    def _open(self, version: int) -> None:
        """Publish the parameters of a version; robots learn from them."""
        self._version = self._opened = version
        self._keeper.open(version, time.monotonic())
        parameters = MetaParameters(self._learning.identity, version, self._vector)
        self._parameters_out.publish(convert.meta_parameters_to_ros(parameters, self.get_clock().now().to_msg()))
        if not self._finished:
            self._publish_round(msg.Round.OPEN, version=version, missing=list(self._robots))

    def _on_status(self, message: msg.RobotStatus) -> None:
        if self.active:
            self._keeper.heard(message.robot, time.monotonic())

    def _on_update(self, message: msg.ParameterUpdate) -> None:
        if self._opened < 0 or self._finished:
            return
        try:
            try:
                update = convert.update_from_ros(message)
            except LayoutError as damage:
                raise self._keeper.reject(message.robot, str(damage)) from None
            self._keeper.receive(update, time.monotonic())
        except Rejected as reason:
            self.get_logger().warning(f"round {self._version}: update refused: {reason}")
        else:
            # The last update that was missing closes its round now, and not when the clock looks next.
            self._poll()

    def _poll(self) -> None:
        if not self.active or self._finished:
            return
        decision = self._keeper.poll(time.monotonic())
        if isinstance(decision, Extended):
            self.get_logger().warning(
                f"round {decision.version}: {len(decision.received)} of {decision.needed} updates needed by the"
                f" deadline; waiting on for {', '.join(decision.missing)}"
            )
            self._publish_round(
                msg.Round.EXTENDED,
                version=decision.version,
                received=list(decision.received),
                missing=list(decision.missing),
                rejected=list(self._keeper.rejected),
            )
        elif isinstance(decision, Closed):
            self._close(decision)

    def _close(self, closed: Closed) -> None:
        vector = self._vector + weighted_mean(closed.updates)
        if np.isfinite(vector).all():
            self._vector = vector
        else:
            self.get_logger().error(f"round {closed.version}: the sum of its updates overflows; nothing is changed")
        summary = self._summary(closed)
        self._history = [*self._history, summary][-ROUND_HISTORY:]
        if self._checkpoint is not None:
            # Before anybody sees the new version: a restart must not fall behind the fleet.
            tasks = self._learning.distribution.model_dump(mode="json")
            made = Origin(self._method, closed.version + 1, settings_of(self._settings), tasks)
            facts = {**made.facts(), "seed": self._seed, "history": self._history}
            save_checkpoint(self._checkpoint, self._vector, self._learning.learner.layout, facts)
        self._publish_round(msg.Round.CLOSED, **summary)
        self._open(closed.version + 1)

    def _summary(self, closed: Closed) -> dict[str, Any]:
        """The fields of a finished round's message."""
        weights = np.array([update.weight for update in closed.updates])
        before = np.array([update.success_before for update in closed.updates])
        after = np.array([update.success_after for update in closed.updates])
        down = 4 * self._keeper.size * len(self._robots)
        return {
            "version": closed.version,
            "received": sorted(update.robot for update in closed.updates),
            "missing": list(closed.missing),
            "rejected": list(closed.rejected),
            "bytes": down + sum(update.bytes for update in closed.updates),
            "env_steps": sum(update.env_steps for update in closed.updates),
            "success_before": float(weights @ before / weights.sum()),
            "success_after": float(weights @ after / weights.sum()),
            "wall_s": closed.wall_s,
        }

    def _publish_round(self, state: int, **fields: Any) -> None:
        stamp = self.get_clock().now().to_msg()
        self._round.publish(msg.Round(stamp=stamp, state=state, expected=list(self._robots), **fields))


def main() -> int:
    """Run the node."""
    return run_node(MetaLearnerNode)


if __name__ == "__main__":
    sys.exit(main())
