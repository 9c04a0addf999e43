"""How many threads torch computes with."""

from __future__ import annotations

import torch


def one_torch_thread() -> None:
    """Let torch compute in the thread that asks, whatever was set before.

    Networks of robots are small. A second thread gains little where a core is free for it; where none is,
    OpenMP's threads spin while they wait for one another and hold up what they wait for. Threads of a
    simulation sleep while they wait: those may be more.
    """
    torch.set_num_threads(1)
