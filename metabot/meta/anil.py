"""ANIL: almost no inner loop, only the head of the network adapts (Raghu et al. 2020, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from metabot.meta.gradient import GradientConfig, GradientMetaLearner


@dataclass(frozen=True)
class ANILConfig(GradientConfig):
    """Hyper-parameters of `ANIL`."""


class ANIL(GradientMetaLearner):
    """MAML whose inner loop leaves the body of the network alone.

    For when features are the same in all tasks and only what is made of them differs.
    """

    name = "anil"
    source = "Raghu et al. 2020, arXiv:1909.09157"
    Config = ANILConfig
    adapts_head_only = True
