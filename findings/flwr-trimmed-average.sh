#!/usr/bin/env bash
# One expects FedTrimmedAvg with its default beta of 0.2 to leave out the wildest answers of a small fleet.
# It leaves out int(beta * n) at either end: nobody below five clients. The one wild answer is averaged in.
# Seen with flwr 1.42.0 on 2026-11-30.
# Instead: beta=0.25 for four clients, 0.34 for three; in general a little over 1 / n.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install flwr==1.42.0 numpy==2.4.6

export FLWR_TELEMETRY_ENABLED=0
"$python" <<'PY'
import sys

import numpy as np
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.strategy import FedTrimmedAvg


def average(clients, beta):
    """What comes out when all clients but one say 1, and the last says 1000."""
    strategy = FedTrimmedAvg(beta=beta, fit_metrics_aggregation_fn=lambda _: {})
    answers = [ndarrays_to_parameters([np.array([value])]) for value in [1.0] * (clients - 1) + [1000.0]]
    results = [(None, FitRes(Status(Code.OK, ""), answer, num_examples=1, metrics={})) for answer in answers]
    parameters, _ = strategy.aggregate_fit(1, results, [])
    return float(parameters_to_ndarrays(parameters)[0][0])


print("expected: 1 whenever all clients but one say 1")
CASES = {(3, 0.2): 334, (4, 0.2): 250.75, (5, 0.2): 1, (4, 0.25): 1, (3, 0.34): 1}
seen = {case: average(*case) for case in CASES}
for (clients, beta), value in seen.items():
    print(f"seen: {clients} clients, beta={beta}: {value}")
if seen != CASES:
    sys.exit(f"changed: {seen}")
PY
