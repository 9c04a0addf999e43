"""The contract of an exported policy: what the ONNX file says about itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

METADATA_KEY = "metabot"
FORMAT = 1


class PolicyFileError(ValueError):
    """An ONNX file cannot drive this robot; the message is one line that says why."""


@dataclass(frozen=True)
class PolicyContract:
    """What a policy file needs from, and promises to, whoever runs it.

    The graph has one input ``observation`` (batch, len(observation)) and one output ``action``
    (batch, len(action)), float32; actions are unclipped commands in units of the robot's
    maximal speed and yaw rate.
    """

    robot_kind: str
    observation: tuple[str, ...]
    action: tuple[str, ...]
    control_hz: int
    layout_hash: str
    version: int
    """Version of the meta-parameters it was adapted from."""
    task_digest: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """JSON for the ONNX file's metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: str) -> PolicyContract:
        """The contract of a file.

        Raises:
            PolicyFileError: if the file has none, or one of another format.
        """
        try:
            fields: dict[str, Any] = json.loads(metadata[METADATA_KEY])
            if fields["format"] != FORMAT:
                raise PolicyFileError(f"{path}: contract format {fields['format']}, this metabot reads {FORMAT}")
            return cls(**{**fields, "observation": tuple(fields["observation"]), "action": tuple(fields["action"])})
        except (KeyError, TypeError, json.JSONDecodeError):
            raise PolicyFileError(f"{path}: not a policy exported by metabot (no {METADATA_KEY!r} metadata)") from None
