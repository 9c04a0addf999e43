#!/usr/bin/env bash
# One expects random_state to make rliable's bootstrap intervals repeatable; its docstring says so.
# The indices are drawn from NumPy's global generator, whatever random_state says: two calls give two intervals.
# Seen with rliable 1.2.0 on 2026-11-30.
# Instead: numpy.random.seed(...) before the call, or a subclass of StratifiedBootstrap that draws its own indices.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install rliable==1.2.0 arch==7.2.0 pandas==2.3.3 numpy==2.4.6

"$python" -W ignore::FutureWarning <<'PY'
import sys

import numpy as np
from rliable.library import get_interval_estimates

scores = {"ours": np.random.default_rng(0).normal(size=(5, 4))}


def interval(**more):
    _, intervals = get_interval_estimates(scores, lambda x: np.array([x.mean()]), reps=200, **more)
    return [round(float(end), 6) for end in intervals["ours"].ravel()]


def after_seed():
    np.random.seed(1)
    return interval()


stated = [interval(random_state=np.random.RandomState(1)) for _ in range(2)]
seeded = [after_seed() for _ in range(2)]
print("expected: the same interval from the same random_state")
print("seen: random_state=RandomState(1), twice:", *stated)
print("seen: numpy.random.seed(1), twice:", *seeded)
if stated[0] == stated[1] or seeded[0] != seeded[1]:
    sys.exit(f"changed: random_state {stated}, global seed {seeded}")
PY
