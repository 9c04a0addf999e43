"""What a task hides is inferred at every step, and acted on at once: `TaskInference` with a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Episodes, Transitions
from metabot.meta.config import at_least_one
from metabot.meta.context_imitation import ContextImitation
from metabot.meta.learner import Kind
from metabot.meta.standard import Standard
from metabot.meta.task_inference import PRIOR_PRECISION, TaskInference, TaskInferenceConfig
from metabot.policy import LatentMLP
from metabot.policy.filtering import FilterPolicy
from metabot.policy.information_encoder import InformationEncoder


@dataclass(frozen=True)
class OnlineInferenceConfig(TaskInferenceConfig):
    """Hyper-parameters of `OnlineInference`."""

    belief_size: int = 8
    """Numbers of the belief that steps inform."""
    fewest: int = 16
    """Steps that a task is inferred from in training are at least so many, the first ones; at most all."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        at_least_one(self, "belief_size", "fewest")
        if self.passes != 1:
            raise ValueError(f"passes: {self.passes}; allowed: 1, what a robot saw is not looked at again")


class OnlineInference(TaskInference):
    """A robot infers at every step what its task hides, and acts on what it knows by then.

    The memory is an information filter of what does not change (its measurements learned, as in Becker et al.
    2019); what a simulator knows of tasks teaches it, and an expert the policy that reads it. Unlike
    `TaskInference` it adapts within the first episode. In training a task is inferred from its first steps, as
    many as drawn, evenly in their logarithm.

    The parameters are those of a `FilterPolicy`: network, encoder and memory.
    """

    name = "online-inference"
    kind: ClassVar[Kind] = "in-context"
    source = "Kumar et al. 2021, arXiv:2107.04034; Becker et al. 2019, arXiv:1905.07357"
    Config: ClassVar[type[OnlineInferenceConfig]] = OnlineInferenceConfig
    policy: FilterPolicy  # type: ignore[assignment]
    encoder: InformationEncoder
    config: OnlineInferenceConfig

    def __init__(self, policy: LatentMLP, config: OnlineInferenceConfig, standard: Standard) -> None:
        """Make a meta-learner of a policy that reads what is hidden.

        Args:
            policy: with a context as long as what is hidden; it becomes the network of a `FilterPolicy`.
            config: hyper-parameters.
            standard: units of what is hidden.
        """
        self.encoder = InformationEncoder(
            policy.observation_size,
            policy.action_size,
            policy.latent_size,
            config.encoder_hidden,
            belief_size=config.belief_size,
            prior_precision=PRIOR_PRECISION,
        )
        acting = FilterPolicy(policy, self.encoder, config.change_size)
        ContextImitation.__init__(self, acting, config, {})  # type: ignore[arg-type]
        self._begin(standard, policy.latent_size)

    @property
    def reader(self) -> LatentMLP:
        """See `ContextImitation.reader`."""
        return self.policy.network

    def encoding(self, meta: Tensor) -> Tensor:
        """See `TaskInference.encoding`."""
        return self.policy.encoding(meta)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return self.policy.initial(rng)

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """The start with the memory of all steps; it goes on from there."""
        steps = self.scaled(Transitions.of(experience))
        sums = self.encoder.summed(self.encoding(meta), steps.whole, steps.valid)
        return self.policy.remembering(self.start(meta), sums)

    def known(self, valid: Tensor, generator: torch.Generator) -> Tensor:
        """See `TaskInference.known`: the first steps, as many as drawn."""
        count = valid.flatten(1).sum(1, keepdim=True)
        fewest = count.clamp(max=float(self.config.fewest))
        drawn = torch.rand(len(valid), 1, generator=generator)
        first = fewest * (count / fewest.clamp(min=1.0)) ** drawn
        return (valid.flatten(1).cumsum(1) <= first).to(valid.dtype).reshape(valid.shape) * valid
