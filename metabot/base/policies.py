"""The usual policy network of a problem."""

from __future__ import annotations

from metabot.policy import GaussianMLP
from metabot.problems import Problem
from metabot_sim.robots import diffdrive


def policy_for(problem: Problem, hidden: tuple[int, ...] = (64, 64)) -> GaussianMLP:
    """A feed-forward policy with a problem's observations and actions."""
    return GaussianMLP(problem.observation_size, problem.action_size, hidden)


def drive_policy() -> GaussianMLP:
    """The policy network of a differential-drive robot."""
    return GaussianMLP(len(diffdrive.OBSERVATION_NAMES), len(diffdrive.ACTION_NAMES))
