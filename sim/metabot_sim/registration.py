"""Ids of the environments in Gymnasium's registry."""

from __future__ import annotations

import gymnasium as gym

from metabot.task import FAMILIES

_PACKAGE = "metabot_sim.interfaces"


def environment_id(family: str) -> str:
    """Id of a family's environment, for `gymnasium.make` and `gymnasium.make_vec`.

    >>> environment_id("drive-goal"), environment_id("gymnasium:FetchReach-v4")
    ('metabot/drive-goal-v0', 'metabot/gymnasium-FetchReach-v4-v0')
    """
    # Before a colon Gymnasium looks for a module to import.
    return f"metabot/{family.replace(':', '-').replace('/', '-')}-v0"


def register(family: str) -> None:
    """Register one family; doing it again changes nothing."""
    if environment_id(family) not in gym.registry:
        gym.register(
            environment_id(family),
            entry_point=f"{_PACKAGE}.single:FleetGymEnv",
            vector_entry_point=f"{_PACKAGE}.vector:FleetVectorEnv",
            kwargs={"task": family},
        )


def register_all() -> None:
    """Register every family that can be named without importing it."""
    for family in FAMILIES:
        register(family)
