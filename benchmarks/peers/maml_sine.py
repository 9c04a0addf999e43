"""Second-order MAML on sine regression by a peer: a line in, the seconds that a block of meta-steps took out.

Run by benchmarks/meta.py with the interpreter of an environment where torch and the library are
installed. Written as the library's own examples do it: one inner step per task, tasks in a loop.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

INNER_STEP, OUTER_STEP = 0.01, 1e-3

Data = tuple[Tensor, Tensor, Tensor, Tensor]


def network() -> nn.Sequential:
    """The MLP 1-40-40-1 of the paper."""
    return nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))


def draw(tasks: int, points: int) -> Data:
    """Support inputs and targets, query inputs and targets, (tasks, points, 1) each."""
    amplitude, phase = torch.empty(tasks, 1, 1).uniform_(0.1, 5.0), torch.empty(tasks, 1, 1).uniform_(0.0, math.pi)
    support, query = (torch.empty(tasks, points, 1).uniform_(-5.0, 5.0) for _ in range(2))
    return support, amplitude * torch.sin(support - phase), query, amplitude * torch.sin(query - phase)


def with_torchopt(data: Data) -> Callable[[], None]:
    """A meta-step with TorchOpt's `MetaSGD`."""
    import torchopt

    net, loss_of = network(), nn.functional.mse_loss
    outer = torch.optim.Adam(net.parameters(), lr=OUTER_STEP)
    inner = torchopt.MetaSGD(net, lr=INNER_STEP)

    def step() -> None:
        outer.zero_grad()
        start = torchopt.extract_state_dict(net, by="reference")
        inner_start = torchopt.extract_state_dict(inner, by="reference")
        losses = []
        for x, y, query_x, query_y in zip(*data, strict=True):
            inner.step(loss_of(net(x), y))
            losses.append(loss_of(net(query_x), query_y))
            torchopt.recover_state_dict(net, start)
            torchopt.recover_state_dict(inner, inner_start)
        torch.stack(losses).mean().backward()
        outer.step()

    return step


def with_higher(data: Data) -> Callable[[], None]:
    """A meta-step with higher's `innerloop_ctx`."""
    import higher

    net, loss_of = network(), nn.functional.mse_loss
    outer = torch.optim.Adam(net.parameters(), lr=OUTER_STEP)
    inner = torch.optim.SGD(net.parameters(), lr=INNER_STEP)

    def step() -> None:
        outer.zero_grad()
        for x, y, query_x, query_y in zip(*data, strict=True):
            with higher.innerloop_ctx(net, inner, copy_initial_weights=False) as (copy, optimiser):
                optimiser.step(loss_of(copy(x), y))
                (loss_of(copy(query_x), query_y) / len(data[0])).backward()
        outer.step()

    return step


def main() -> None:
    """Answer lines until there are no more."""
    library = sys.argv[1]
    tasks, points, block = (int(argument) for argument in sys.argv[2:])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    step = {"torchopt": with_torchopt, "higher": with_higher}[library](draw(tasks, points))
    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        for _ in range(block):
            step()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
