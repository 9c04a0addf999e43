"""All families by name; a family's module is imported when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from metabot.task import FAMILIES, SpecError
from metabot_sim.families.base import Family

GYMNASIUM = "gymnasium:"
"""Begins the names of tasks that come from gymnasium-robotics."""


@cache
def family(name: str) -> Family:
    """The family of that name: `FAMILY` of the module of the same name.

    Raises:
        SpecError: if there is none.
    """
    if name.startswith(GYMNASIUM):
        from metabot_sim.families.gymnasium_tasks import TASKS

        if name not in TASKS:
            raise SpecError(f"family: no {name!r}; allowed: {', '.join(TASKS)}")
        return TASKS[name]
    if name not in FAMILIES:
        raise SpecError(f"family: no {name!r}; allowed: {', '.join(FAMILIES)}, {GYMNASIUM}<id>")
    found: Family = import_module(_module(name)).FAMILY
    return found


def available() -> tuple[str, ...]:
    """Names of the families whose module is there."""
    from metabot_sim.families.gymnasium_tasks import TASKS

    return (*(name for name in FAMILIES if find_spec(_module(name))), *TASKS)


def _module(name: str) -> str:
    return f"metabot_sim.families.{name.replace('-', '_')}"
