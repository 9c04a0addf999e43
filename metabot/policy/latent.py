"""A feed-forward policy that also reads a latent context of its task, which is part of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.context import CONTEXT
from metabot.policy.gaussian import GaussianMLP
from metabot.policy.mlp import MLP

LATENT = CONTEXT + "latent"
"""Name of the entry that holds what a robot has found out about its task."""
_SHARES, _SETS = "shares/", "sets/"
_SHARES_HIDDEN = 64
_SETS_GAIN = 0.5
_FEW_POINTS, _FEW_OF_SETS = 32, 4
"""Points of each task up to which it takes less time not to make its network, without sets of weights and with."""


@dataclass(frozen=True)
class LatentMLP(GaussianMLP):
    """π(a|o, z) = N(mean(o, z), diag(exp(log_std))²) with a tanh MLP as mean.

    The context z is the last entry of the parameter vector, so that the policy of a robot that
    knows its task is a vector like any other, acts without a memory and leaves as ONNX.
    """

    latent_size: int = field(default=5, kw_only=True)
    products: bool = field(default=False, kw_only=True)
    """Whether the network is also given every product of an observed number and one of the context (Jayakumar
    et al. 2020, "Multiplicative Interactions and Where to Find Them"): a context that turns or scales what is
    observed is then one layer away."""
    weight_sets: int = field(default=0, kw_only=True)
    """Sets of weights beside the network's own: what it acts with is their sum, in shares that a small network
    reads from the context (a hypernetwork whose last layer the sets are: Beck et al. 2022, arXiv:2210.11348;
    Yang et al. 2019, arXiv:1904.04971). Tasks that need other networks, and not only other inputs, then get them."""
    shares: MLP = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes.

        Raises:
            ValueError: if there is no context.
        """
        if self.latent_size < 1:
            raise ValueError(f"latent_size: {self.latent_size} is below 1")
        if self.weight_sets < 0:
            raise ValueError(f"weight_sets: {self.weight_sets} is below 0")
        pairs = self.observation_size * self.read_size if self.products else 0
        sizes = (self.observation_size + self.read_size + pairs, *self.hidden, self.output_size)
        mlp = MLP(sizes, "tanh", last_gain=0.01)
        object.__setattr__(self, "mlp", mlp)
        shares = MLP((self.read_size, _SHARES_HIDDEN, max(1, self.weight_sets)), "relu")
        object.__setattr__(self, "shares", shares)
        layout = mlp.layout + self.own_layout()
        if self.weight_sets:
            sets = {_SETS + name: (self.weight_sets, *shape) for name, shape in mlp.layout.entries}
            layout = layout + shares.layout.prefixed(_SHARES) + Layout.of(sets)
        object.__setattr__(self, "layout", layout + Layout.of({LATENT: (self.latent_size,)}))

    @property
    def read_size(self) -> int:
        """Numbers that the network is given beside the observation."""
        return self.latent_size

    @property
    def output_size(self) -> int:
        """Numbers that the network puts out."""
        return self.action_size

    def own_layout(self) -> Layout:
        """What the parameters hold between the network's arrays and the context."""
        return Layout.of({"log_std": (self.action_size,)})

    def own_arrays(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """What `own_layout` begins with."""
        return {"log_std": np.full(self.action_size, self.initial_log_std)}

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer, a context of zero."""
        arrays = {**self.mlp.initial(rng), **self.own_arrays(rng), LATENT: np.zeros(self.latent_size)}
        if self.weight_sets:
            arrays |= {_SHARES + name: value for name, value in self.shares.initial(rng).items()}
            sets = [self.mlp.initial(rng) for _ in range(self.weight_sets)]
            for name, _ in self.mlp.layout.entries:
                arrays[_SETS + name] = _SETS_GAIN * np.stack([each[name] for each in sets])
        return self.layout.flatten(arrays)

    def mean(self, parameters: Tensor, observation: Tensor) -> Tensor:
        """See `GaussianMLP.mean`."""
        views = self.layout.view(parameters)
        return self.mean_given(views, observation, views[LATENT])

    def mean_given(self, views: Mapping[str, Tensor], observation: Tensor, latent: Tensor) -> Tensor:
        """Mean action in a context that is not that of the parameters.

        Args:
            views: the arrays by name.
            observation: (..., observation_size), or (tasks, points, observation_size).
            latent: (latent_size,), or (tasks, latent_size).

        Returns:
            (..., action_size).
        """
        read = self.read(views, latent)
        if views["weight_0"].dim() == 2 and read.dim() == 2 and observation.shape[-2] <= self._few_points:
            return self._mixed(views, observation, read)
        return self.mlp(self.network(views, read), observation)

    @property
    def _few_points(self) -> int:
        return _FEW_OF_SETS if self.weight_sets else _FEW_POINTS

    def _mixed(self, views: Mapping[str, Tensor], observation: Tensor, read: Tensor) -> Tensor:
        """What the networks of many tasks put out, without making each of them: where each has few points, quicker.

        Inputs are scaled by the shares of the sets in place of weights: one product of matrices serves all tasks.

        Args:
            views: the arrays by name, of one policy.
            observation: (tasks, points, observation_size).
            read: (tasks, read_size).

        Returns:
            (tasks, points, action_size).
        """
        points = observation.shape[1]
        reads = read[:, None].expand(-1, points, -1)
        inputs = [observation, reads]
        if self.products:
            inputs.append((observation[..., :, None] * reads[..., None, :]).flatten(-2))
        value = torch.cat(inputs, dim=-1).flatten(0, 1)
        shares = self.shares(self.shares_of(views), read).repeat_interleave(points, 0) if self.weight_sets else None
        for index in range(self.mlp.depth):
            weight, bias = f"weight_{index}", f"bias_{index}"
            out = value @ views[weight].T + views[bias]
            if shares is not None:
                sets, biases = self.sets_of(views, weight), self.sets_of(views, bias)
                shared = (shares[:, :, None] * value[:, None]).flatten(1)
                out = out + shared @ sets.transpose(1, 2).flatten(0, 1) + shares @ biases
            value = torch.tanh(out) if index < self.mlp.depth - 1 else out
        return value.unflatten(0, observation.shape[:2])

    def read(self, views: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """What the network reads of a context, (..., read_size): all of it.

        Args:
            views: the arrays by name.
            latent: (latent_size,), or (tasks, latent_size).
        """
        return latent

    def network(self, views: Mapping[str, Tensor], read: Tensor) -> dict[str, Tensor]:
        """The arrays of an `MLP` of observations alone, which does in its context what this policy does.

        All that a context does to the first layer is a change of its weights and biases.

        Args:
            views: the arrays by name, of one policy or with tasks first.
            read: (read_size,), or (tasks, read_size), what it reads of the context.
        """
        arrays = {name: views[name] for name, _ in self.mlp.layout.entries}
        if self.weight_sets:
            # With a dimension of its own: tasks or none, and one row.
            shares = self.shares(self.shares_of(views), read[..., None, :])
            for name, own in arrays.items():
                shape = own.shape[own.dim() - (2 if name.startswith("weight") else 1) :]
                sets = self.sets_of(views, name).flatten(-len(shape))
                arrays[name] = own + (shares @ sets).squeeze(-2).unflatten(-1, shape)
        size = self.observation_size
        weight = arrays["weight_0"]
        reads = weight[..., size : size + self.read_size]
        arrays["bias_0"] = arrays["bias_0"] + (reads @ read[..., None])[..., 0]
        arrays["weight_0"] = weight[..., :size]
        if self.products:
            pairs = weight[..., size + self.read_size :].unflatten(-1, (size, self.read_size))
            arrays["weight_0"] = arrays["weight_0"] + (pairs @ read[..., None, :, None])[..., 0]
        return arrays

    def shares_of(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The arrays of `shares`, by the names that it has for them."""
        return {name.removeprefix(_SHARES): value for name, value in views.items() if name.startswith(_SHARES)}

    def sets_of(self, views: Mapping[str, Tensor], name: str) -> Tensor:
        """All sets of one of the network's arrays, (weight_sets, ...), or with tasks first."""
        return views[_SETS + name]

    def settled(self, parameters: Tensor) -> tuple[GaussianMLP, Tensor]:
        """See `Policy.settled`: a network of observations alone."""
        plain = GaussianMLP(
            self.observation_size,
            self.action_size,
            self.hidden,
            initial_log_std=self.initial_log_std,
            min_log_std=self.min_log_std,
        )
        views = self.layout.view(parameters)
        arrays = self.network(views, self.read(views, views[LATENT])) | {"log_std": views["log_std"]}
        return plain, joined(plain.layout, arrays)

    def latent(self, parameters: Tensor) -> Tensor:
        """The context, (..., latent_size), a view."""
        return parameters[..., -self.latent_size :]

    def knowing(self, parameters: Tensor, latent: Tensor) -> Tensor:
        """The same parameters with the contexts of several tasks.

        Args:
            parameters: (layout.size,).
            latent: (tasks, latent_size).

        Returns:
            (tasks, layout.size).
        """
        return torch.cat([parameters[: -self.latent_size].expand(len(latent), -1), latent], dim=1)


def joined(layout: Layout, arrays: Mapping[str, Tensor]) -> Tensor:
    """Rows of parameters, (..., layout.size), of arrays that have their leading dimensions in common."""
    parts = [arrays[name].flatten(arrays[name].dim() - len(shape)) for name, shape in layout.entries]
    return torch.cat(parts, dim=-1)


def beside(value: Tensor, latent: Tensor) -> Tensor:
    """Every row of a value with the context of its task behind it.

    Args:
        value: (..., size), or (tasks, points, size).
        latent: (latent_size,), or (tasks, latent_size).
    """
    if latent.dim() > 1:
        latent = latent[:, None]
    return torch.cat([value, latent.expand(*value.shape[:-1], latent.shape[-1])], dim=-1)
