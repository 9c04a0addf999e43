"""MAML: gradient steps of a fixed size from a learned start (Finn et al. 2017, algorithms 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass

from metabot.meta.gradient import GradientConfig, GradientMetaLearner


@dataclass(frozen=True)
class MAMLConfig(GradientConfig):
    """Hyper-parameters of `MAML`."""


class MAML(GradientMetaLearner):
    """Differentiates through the inner gradients (second order)."""

    name = "maml"
    source = "Finn et al. 2017, arXiv:1703.03400"
    Config = MAMLConfig
