"""First-order MAML: the inner gradients are taken as constants (Finn et al. 2017, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from metabot.meta.gradient import GradientConfig, GradientMetaLearner


@dataclass(frozen=True)
class FOMAMLConfig(GradientConfig):
    """Hyper-parameters of `FOMAML`."""


class FOMAML(GradientMetaLearner):
    """MAML without second derivatives: cheaper, and often nearly as good."""

    name = "fomaml"
    source = "Finn et al. 2017, arXiv:1703.03400; Nichol et al. 2018, arXiv:1803.02999"
    Config = FOMAMLConfig
    second_order = False
