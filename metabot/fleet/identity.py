"""What has to be equal in all that a fleet learns together: method, settings, tasks and layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from metabot.params import Layout

_DIGITS = 16


@dataclass(frozen=True)
class Identity:
    """What a vector of meta-parameters is of; equal sizes do not make vectors of two methods one.

    Attributes:
        method: its registry name.
        settings: digest of all fields of its configuration.
        distribution: digest of the tasks that are learned from.
        layout: hash of the vector's layout.
    """

    method: str
    settings: str
    distribution: str
    layout: str

    @classmethod
    def of(cls, method: str, settings: Mapping[str, Any], distribution: Mapping[str, Any], layout: Layout) -> Identity:
        """The identity of a learner.

        Args:
            method: its registry name.
            settings: all fields of its configuration, JSON-able.
            distribution: the same of its tasks.
            layout: of its meta-parameters.
        """
        return cls(method, _digest(settings), _digest(distribution), layout.hash)

    def difference(self, other: Identity) -> str:
        """What of another is not as it is here, in words for people; empty where nothing differs."""
        for field in fields(self):
            wanted, found = getattr(self, field.name), getattr(other, field.name)
            if wanted != found:
                return f"{field.name} {found or '(none)'} is not the fleet's {wanted}"
        return ""


def _digest(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
