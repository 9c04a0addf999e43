"""What is learned continually: a few tasks for one network, each named in the network's input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.policy import MLP


class Labelled(NamedTuple):
    """Labelled points of any tasks.

    Attributes:
        inputs: (points, input_size).
        targets: (points, output_size).
    """

    inputs: Tensor
    targets: Tensor

    def joined(self, other: Labelled) -> Labelled:
        """These points and then the others."""
        return Labelled(torch.cat([self.inputs, other.inputs]), torch.cat([self.targets, other.targets]))


class Domain(ABC):
    """Tasks that one network can master all, were it to see them mixed.

    Which task a point belongs to stands in its input, one-hot (Javed and White 2019, section 4.1):
    the name of the robot that speaks. Without it tasks contradict each other, and what is lost
    would not be forgotten but overwritten. When the stream goes over to another task is not said.

    Attributes:
        name: as stored results call it.
        tasks: how many.
        network: its last `tasks` inputs are the name.
        score: what `scores` are, for tables.
        share: whether scores are shares of 1, for tables and pictures.
    """

    name: str
    tasks: int
    network: MLP
    score: str
    share: bool = True

    @abstractmethod
    def draw(self, tasks: np.ndarray, rng: np.random.Generator) -> Labelled:
        """Draw a labelled point for each task number in (points,)."""

    @abstractmethod
    def scores(self, parameters: Tensor) -> np.ndarray:
        """How well every task is mastered, (tasks,), the higher the better; the same trials every time.

        Args:
            parameters: (network.layout.size,).
        """

    def named(self, values: Tensor, tasks: np.ndarray) -> Tensor:
        """Inputs with the name of their task, (points, input_size), of values (points, ...) and numbers (points,)."""
        names = torch.nn.functional.one_hot(torch.from_numpy(tasks), self.tasks)
        return torch.cat([values, names.to(values.dtype)], dim=1)


def refuse_fewer_than_two(tasks: int) -> None:
    """Refuse a stream in which nothing can be forgotten.

    Raises:
        ValueError: if there are fewer than two tasks; one line.
    """
    if tasks < 2:
        raise ValueError(f"tasks: {tasks} is below 2")
