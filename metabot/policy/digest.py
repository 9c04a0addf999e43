"""A feed-forward policy that reads a long context of its task by way of a few numbers that it draws from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from metabot.params import Layout
from metabot.policy.latent import LatentMLP
from metabot.policy.mlp import orthogonal

_DIGEST = "digest"


@dataclass(frozen=True)
class DigestMLP(LatentMLP):
    """π(a|o, z) = N(mean(o, D z), diag(exp(log_std))²): the matrix D makes few numbers of the context z.

    For contexts that say much more than a policy needs, such as all coefficients of a model of the task.
    """

    digest_size: int = field(default=8, kw_only=True)

    def __post_init__(self) -> None:
        """See `LatentMLP`; a digest of nothing is refused too."""
        if self.digest_size < 1:
            raise ValueError(f"digest_size: {self.digest_size} is below 1")
        super().__post_init__()

    @property
    def read_size(self) -> int:
        """See `LatentMLP.read_size`."""
        return self.digest_size

    def own_layout(self) -> Layout:
        """See `LatentMLP.own_layout`: D, (digest_size, latent_size), besides."""
        return super().own_layout() + Layout.of({_DIGEST: (self.digest_size, self.latent_size)})

    def own_arrays(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """See `LatentMLP.own_arrays`: D begins with orthonormal rows or columns."""
        return {**super().own_arrays(rng), _DIGEST: orthogonal((self.digest_size, self.latent_size), rng)}

    def read(self, views: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """See `LatentMLP.read`: the digest."""
        return (views[_DIGEST] @ latent[..., None])[..., 0]
