#!/usr/bin/env bash
# One expects tensors to come back in the order of the dictionary that was saved, or at least always in the same order.
# load(bytes) gives them in another order at every call. load_file gives them sorted by type, the wider ones first, and
# by name within a type. So a flat vector made by joining the values is another vector each time.
# Seen with safetensors 0.8.0 on 2026-11-30.
# Instead: go by names, in an order of your own.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install safetensors==0.8.0 numpy==2.4.6

cd "$folder"
"$python" <<'PY'
import sys

import numpy as np
from safetensors.numpy import load, load_file, save, save_file

layers = {
    "layer2.weight": np.zeros(2, np.float32),
    "steps": np.zeros(1, np.int64),
    "layer1.weight": np.zeros(2, np.float32),
    "scale": np.zeros(1, np.float16),
    "layer1.bias": np.zeros(2, np.float32),
}
saved = list(layers)
data = save(layers)
from_bytes = [tuple(load(data)) for _ in range(20)]
save_file(layers, "layers.safetensors")
from_file = [list(load_file("layers.safetensors")) for _ in range(20)]

print("expected:", *saved)
print("seen: load, first call:", *from_bytes[0])
print("seen: load, orders in 20 calls:", len(set(from_bytes)))
print("seen: load_file:", *from_file[0])
by_type = ["steps", "layer1.bias", "layer1.weight", "layer2.weight", "scale"]
if len(set(from_bytes)) == 1 or any(order != by_type for order in from_file):
    sys.exit(f"changed: load gave {len(set(from_bytes))} orders, load_file {from_file[0]}")
PY
