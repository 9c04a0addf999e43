"""Policies that adapted to one fault, driven with every other: what there was to find out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from metabot.base import rollout
from metabot.demo.summary import CrossMatrix, FaultRecord
from metabot.meta import make_meta_learner, trial_rng
from metabot.problems import Problem


def cross(
    problem: Problem,
    method: str,
    settings: Mapping[str, Any],
    faults: Sequence[FaultRecord],
    rows: np.ndarray,
    adapted: np.ndarray,
    trials: int,
    seed: int,
) -> CrossMatrix:
    """Drive every pair.

    Args:
        problem: where.
        method: whose policies they are.
        settings: of it.
        faults: what was adapted to.
        rows: (faults, ...) the same as tasks of the problem.
        adapted: (faults, policy.layout.size), the policies.
        trials: of each pair, with the pads that the policies were tested with when they had adapted.
        seed: that was used then.
    """
    policy = make_meta_learner(method, problem, **settings).policy
    policies = torch.from_numpy(adapted)
    success = []
    for row in rows:
        # One by one, so that each sees the same pads.
        played = [
            rollout(problem, policy, each[None], row[None], trials, trial_rng(seed), deterministic=True)
            for each in policies
        ]
        success.append([float(each.success.mean()) for each in played])
    matrix = np.array(success).T
    others = matrix[~np.eye(len(matrix), dtype=bool)]
    return CrossMatrix(
        faults=list(faults),
        success=matrix.tolist(),
        trials=trials,
        off_diagonal=float(others.mean()) if others.size else None,
        largest=float(others.max()) if others.size else None,
    )
