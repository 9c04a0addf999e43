"""Ids of the environments in Gymnasium's registry."""

from __future__ import annotations

import gymnasium as gym

from metabot.task import FAMILIES

_PACKAGE = "metabot_sim.interfaces"


def environment_id(family: str) -> str:
    """Id of a family's environment, for `gymnasium.make` and `gymnasium.make_vec`.

    >>> environment_id("drive-goal")
    'metabot/drive-goal-v0'
    """
    return f"metabot/{family}-v0"


def register_all() -> None:
    """Register every family; doing it again changes nothing."""
    for family in FAMILIES:
        if environment_id(family) not in gym.registry:
            gym.register(
                environment_id(family),
                entry_point=f"{_PACKAGE}.single:FleetGymEnv",
                vector_entry_point=f"{_PACKAGE}.vector:FleetVectorEnv",
                kwargs={"task": family},
            )
