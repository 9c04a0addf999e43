"""The harness: every method trained, adapted and measured in the same way, beside the same baselines."""

from metabot.harness.training import Training, TrainingConfig

__all__ = ["Training", "TrainingConfig"]
