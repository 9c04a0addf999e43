"""Searches over one flat vector by EvoTorch, whose state can be taken along with the vector."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

SEARCHES = ("pgpe", "cem")
CLIMBERS = ("adam", "clipup", "sgd")


class Search:
    """A Gaussian with its own spread for every number, moved to where fitness is high.

    "pgpe": parameter-exploring policy gradients (Sehnke et al. 2010) with antithetic pairs and
    centred ranks; an optimiser follows the gradient. "cem": the cross-entropy method (Rubinstein
    1999), which fits the Gaussian to the best.

    EvoTorch's functional interface is used: no process is started, and all state is in tensors.
    The centre is handed over anew each time, as it may have been merged with others' meanwhile.
    """

    _KEPT: ClassVar[tuple[str, ...]] = ("stdev", "m", "v", "t", "velocity")

    def __init__(
        self,
        kind: str,
        *,
        spread: float,
        least_spread: float,
        optimiser: str,
        step: float,
        spread_step: float,
        parents: float,
    ) -> None:
        """Set up a search.

        Args:
            kind: one of `SEARCHES`.
            spread: standard deviation to begin with.
            least_spread: that it never falls below.
            optimiser: of "pgpe", one of `CLIMBERS`.
            step: step size of the optimiser.
            spread_step: step size of the spread, of "pgpe".
            parents: share of the population that "cem" fits to.
        """
        self._pgpe = kind == "pgpe"
        self._settings: dict[str, Any] = {"stdev_init": spread, "stdev_min": least_spread, "objective_sense": "max"}
        if self._pgpe:
            self._settings |= {
                "optimizer": optimiser,
                "center_learning_rate": step,
                "stdev_learning_rate": spread_step,
                "ranking_method": "centered",
            }
        else:
            # Small populations would narrow before they arrive; PGPE is limited alike by default.
            self._settings |= {"parenthood_ratio": parents, "stdev_max_change": 0.2}
        self._state: Any = None
        self._given: dict[str, np.ndarray] = {}

    def _at(self, centre: Tensor) -> Any:
        """The search's state with this centre."""
        # Importing it loads Ray as well, which takes seconds that other methods need not wait for.
        from evotorch.algorithms import functional

        state = self._state
        if state is None:
            state = (functional.pgpe if self._pgpe else functional.cem)(center_init=centre, **self._settings)
            state = _replaced(state, {name: torch.from_numpy(value.copy()) for name, value in self._given.items()})
        return _replaced(state, {"center": centre.detach().clone()})

    def ask(self, centre: Tensor, count: int, rng: np.random.Generator) -> Tensor:
        """Draw candidates, (count, size); for "pgpe" an even number."""
        from evotorch.algorithms import functional

        with torch.random.fork_rng(devices=[]):
            # EvoTorch draws from torch's own generator.
            torch.manual_seed(int(rng.integers(2**62)))
            return (functional.pgpe_ask if self._pgpe else functional.cem_ask)(self._at(centre), popsize=count)

    def tell(self, centre: Tensor, candidates: Tensor, fitness: Tensor) -> Tensor | None:
        """Learn how the candidates did.

        Args:
            centre: (size,) around which they were drawn.
            candidates: (count, size), in the order of `ask`.
            fitness: (count,), the higher the better.

        Returns:
            The new centre, (size,); None, and nothing learned, if it is not finite.
        """
        from evotorch.algorithms import functional

        told = (functional.pgpe_tell if self._pgpe else functional.cem_tell)(self._at(centre), candidates, fitness)
        found = (told.optimizer_state if self._pgpe else told).center
        if not torch.isfinite(found).all():
            return None
        self._state = told
        return found.clone()

    @property
    def spread(self) -> float:
        """Mean standard deviation."""
        return float(self._settings["stdev_init"] if self._state is None else self._state.stdev.mean())

    def moments(self) -> dict[str, np.ndarray]:
        """Spread and the optimiser's moments; empty before the first `tell`."""
        if self._state is None:
            return dict(self._given)
        state = self._state._asdict()
        state |= state["optimizer_state"]._asdict() if self._pgpe else {}
        return {name: state[name].numpy().copy() for name in self._KEPT if name in state}

    def restore(self, moments: dict[str, np.ndarray]) -> None:
        """Go on from moments that another search gave.

        Raises:
            ValueError: if it was none.
        """
        foreign = sorted({*moments} - {*self._KEPT})
        if foreign:
            raise ValueError(f"moments: a search keeps no {', '.join(foreign)}; allowed: {', '.join(self._KEPT)}")
        self._state, self._given = None, dict(moments)


def _replaced(state: Any, values: dict[str, Tensor]) -> Any:
    """A state with some fields changed, its optimiser's included."""
    inner = getattr(state, "optimizer_state", None)
    if inner is not None:
        state = state._replace(optimizer_state=_replaced(inner, values))
    return state._replace(**{name: value for name, value in values.items() if name in state._fields})
