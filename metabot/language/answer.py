"""What the language model may answer: a mission, or the reason why there is none."""

from __future__ import annotations

from typing import Any

from metabot.language.unsupported import Reason
from metabot.task.mission import Mission
from metabot.task.model import SpecModel


class Unsupported(SpecModel):
    """The answer to a sentence that asks for something metabot cannot do."""

    unsupported: Reason


def answer_schema() -> dict[str, Any]:
    """JSON schema of the answer: `Mission` or `Unsupported`, every field written out.

    Fields with a default are required here: a field left out would have no token, and so no
    probability to judge it by.
    """
    return {"anyOf": [_complete(Mission.model_json_schema()), _complete(Unsupported.model_json_schema())]}


def parse_answer(text: str) -> Mission | Unsupported:
    """The answer in a JSON text.

    Raises:
        SpecError: if it breaks a rule that the schema cannot state (colours are distinct).
    """
    model = Unsupported if text.startswith('{"unsupported"') else Mission
    return model.parse(text)


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "required": list(schema["properties"])}
