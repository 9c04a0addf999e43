"""Where the vector of a checkpoint comes from, whoever wrote it: a training, a fleet, or a fleet of before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabot.params.checkpoint import CheckpointError


@dataclass(frozen=True)
class Origin:
    """What made meta-parameters.

    Attributes:
        method: the meta-learner.
        version: rounds or updates that went into them.
        settings: all fields of its configuration that differ from its defaults; None where nobody wrote them down.
        distribution: what tasks were drawn from, fields of a `TaskDistribution`; None where nobody wrote it down.
    """

    method: str
    version: int
    settings: Mapping[str, Any] | None = None
    distribution: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, info: Mapping[str, Any], path: Path) -> Origin:
        """What a checkpoint's facts say.

        Args:
            info: of the checkpoint.
            path: of its file, as messages call it.

        Raises:
            CheckpointError: if they say nothing of a method's meta-parameters; one line.
        """
        try:
            if "config" in info:
                config = info["config"]
                tasks = {"family": config["family"], "robots": config.get("robots"), "scene": config.get("spec")}
                return cls(info["method"], int(info["updates"]), config["settings"], tasks)
            # Fleets of before wrote neither settings nor tasks down.
            method = info["method"] if "method" in info else info["algorithm"]
            return cls(method, int(info["version"]), info.get("settings"), info.get("distribution"))
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(f"{path} holds no meta-parameters: {', '.join(info) or 'no facts'}") from None

    def facts(self) -> dict[str, Any]:
        """What a fleet writes down, JSON-able."""
        return {
            "method": self.method,
            "version": self.version,
            "settings": None if self.settings is None else dict(self.settings),
            "distribution": None if self.distribution is None else dict(self.distribution),
        }
