"""Transfer of parameters: one policy for all source tasks, then all of it fine-tuned on the target."""

from __future__ import annotations

from metabot.meta.transfer import TransferLearner


class TransferParameters(TransferLearner):
    """Multi-task pre-training and fine-tuning.

    What every evaluation has as its baseline, `metabot.harness.baselines`, here as a method: with a
    checkpoint, and over topics.
    """

    name = "transfer-parameters"
    source = "Pan and Yang 2010, section 3.3; Schulman et al. 2017, arXiv:1707.06347"
