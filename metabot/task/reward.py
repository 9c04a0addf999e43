"""Names of the reward terms a task can weigh."""

from __future__ import annotations

from typing import Literal

RewardTerm = Literal[
    "progress", "success", "effort", "energy", "collision", "formation", "score", "closing", "grasp", "lift", "time"
]
"""What each one rewards stands in `metabot_sim.rewards.REWARD_TERMS`."""

DEFAULT_REWARD: dict[RewardTerm, float] = {"progress": 1.0, "success": 1.0, "effort": -0.01}
