"""`gymnasium:<id>`: tasks of gymnasium-robotics as families, with hidden dynamics and held-out ranges."""

from __future__ import annotations

from metabot_sim.families.base import Family
from metabot_sim.families.gymnasium_tasks.fetch import PickAndPlace, Push, Reach, Slide
from metabot_sim.families.gymnasium_tasks.mamujoco import Run
from metabot_sim.robots.part.animals import ANIMALS

TASKS: dict[str, Family] = {
    task.name: task for task in (Reach(), Push(), PickAndPlace(), Slide(), *(Run(name) for name in ANIMALS))
}
"""Families by name."""
