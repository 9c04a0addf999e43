"""Meta-SGD: start and step size of every parameter are learned (Li et al. 2017, equation 2)."""

from __future__ import annotations

from dataclasses import dataclass

from metabot.meta.gradient import GradientConfig, GradientMetaLearner


@dataclass(frozen=True)
class MetaSGDConfig(GradientConfig):
    """Hyper-parameters of `MetaSGD`."""


class MetaSGD(GradientMetaLearner):
    """MAML with learned inner step sizes.

    Step sizes are learned as logarithms, so they stay positive; the paper lets them change sign.
    """

    name = "meta-sgd"
    source = "Li et al. 2017, arXiv:1707.09835"
    Config = MetaSGDConfig
    learns_steps = True
