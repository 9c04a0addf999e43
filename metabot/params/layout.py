"""`Layout`: which slice of a flat vector is which named array."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

ArrayT = TypeVar("ArrayT")


class LayoutError(ValueError):
    """A vector does not fit a layout; the message names both."""


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the arrays that a flat float32 vector holds, in order.

    The vector is the only form of parameters that leaves a process: torch views it, ROS
    messages, ONNX export, aggregation and checkpoints carry it. The `hash` is carried beside
    it, so that a vector is never read under another layout.

    Example:
        >>> layout = Layout.of({"weight": (2, 3), "bias": (2,)})
        >>> layout.size
        8
        >>> layout.view(np.arange(8.0))["bias"]
        array([6., 7.])
    """

    entries: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Layout:
        """The layout of arrays in the mapping's order."""
        return cls(tuple((name, tuple(int(n) for n in shape)) for name, shape in shapes.items()))

    def __add__(self, other: Layout) -> Layout:
        """Both layouts one after the other.

        Raises:
            LayoutError: if a name appears in both.
        """
        double = {name for name, _ in self.entries} & {name for name, _ in other.entries}
        if double:
            raise LayoutError(f"layouts share the names {', '.join(sorted(double))}")
        return Layout(self.entries + other.entries)

    def prefixed(self, prefix: str) -> Layout:
        """The same layout with a prefix before every name."""
        return Layout(tuple((prefix + name, shape) for name, shape in self.entries))

    @cached_property
    def size(self) -> int:
        """Length of the flat vector."""
        return sum(math.prod(shape) for _, shape in self.entries)

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that stand for names, shapes and dtype."""
        text = json.dumps(["float32", self.entries], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def slices(self) -> Iterator[tuple[str, slice, tuple[int, ...]]]:
        """Name, slice of the vector and shape of every entry."""
        start = 0
        for name, shape in self.entries:
            stop = start + math.prod(shape)
            yield name, slice(start, stop), shape
            start = stop

    def view(self, vector: ArrayT) -> dict[str, ArrayT]:
        """Named views of a vector; works for NumPy arrays and torch tensors alike.

        Args:
            vector: (..., size); leading dimensions stay in front of every view.

        Raises:
            LayoutError: if the last dimension has another size.
        """
        shape = vector.shape  # type: ignore[attr-defined]
        if shape[-1] != self.size:
            raise LayoutError(f"a vector of {shape[-1]} numbers does not fit layout {self.hash} of {self.size}")
        if isinstance(vector, np.ndarray):
            parts = [vector[..., where] for _, where, _ in self.slices()]
        else:
            # The derivative of one split is one concatenation, that of a slice is as long as the vector.
            parts = vector.split([math.prod(entry) for _, entry in self.entries], -1)  # type: ignore[attr-defined]
        return {
            name: part.reshape(*shape[:-1], *entry)  # type: ignore[misc]
            for part, (name, entry) in zip(parts, self.entries, strict=True)
        }

    def flatten(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The flat float32 vector of named arrays.

        Raises:
            LayoutError: if a name is missing, unknown, or an array has another shape.
        """
        if set(arrays) != {name for name, _ in self.entries}:
            raise LayoutError(
                f"names {sorted(arrays)} are not those of layout {self.hash}: {sorted(n for n, _ in self.entries)}"
            )
        for name, shape in self.entries:
            if tuple(np.shape(arrays[name])) != shape:
                raise LayoutError(f"{name} has shape {np.shape(arrays[name])}, layout {self.hash} wants {shape}")
        return np.concatenate([np.ravel(np.asarray(arrays[name], dtype=np.float32)) for name, _ in self.entries])

    def to_json(self) -> str:
        """JSON of the layout, for checkpoints."""
        return json.dumps(self.entries)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """The layout that `to_json` wrote."""
        return cls(tuple((name, tuple(shape)) for name, shape in json.loads(text)))
