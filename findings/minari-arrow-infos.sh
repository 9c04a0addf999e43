#!/usr/bin/env bash
# One expects a Minari dataset to be readable once it was written, in any of its formats.
# Infos of one number per step, shape (T + 1,), are written in Arrow and Parquet without complaint and raise a ValueError
# when they are read. HDF5 reads them, and so do all three with shape (T + 1, 1).
# Seen with minari 0.5.4 on 2026-11-30.
# Instead: data_format="hdf5", or a second axis of length 1.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install "minari[arrow,hdf5]==0.5.4" pyarrow==26.0.1 h5py==3.16.0 pillow==12.0.0 numpy==2.4.6

export MINARI_DATASETS_PATH=$folder/datasets
"$python" -W ignore <<'PY'
import sys

import gymnasium
import minari
import numpy as np
from minari.data_collector.episode_buffer import EpisodeBuffer

STEPS = 3
SPACE = gymnasium.spaces.Box(-1, 1, (2,), np.float32)


def read_back(data_format, infos):
    last = np.arange(STEPS) == STEPS - 1
    episode = EpisodeBuffer(
        observations=np.zeros((STEPS + 1, 2), np.float32),
        actions=np.zeros((STEPS, 2), np.float32),
        rewards=np.zeros(STEPS),
        terminations=np.zeros(STEPS, bool),
        truncations=last,
        infos={"height": infos},
    )
    name = f"{data_format}-axes-{infos.ndim}-v0"
    minari.create_dataset_from_buffers(
        name, [episode], observation_space=SPACE, action_space=SPACE, data_format=data_format
    )
    try:
        read = minari.load_dataset(name)[0].infos["height"]
    except Exception as error:
        return type(error).__name__
    return "read" if np.array_equal(read, infos) else "read, but another"


flat = np.arange(STEPS + 1.0)
print("expected: what was written is read")
seen = {}
for data_format in ("hdf5", "arrow", "parquet"):
    for infos in (flat, flat[:, None]):
        outcome = seen[data_format, infos.ndim] = read_back(data_format, infos)
        print(f"seen: {data_format}, infos of shape {infos.shape}: {outcome}")
failed = {case for case, outcome in seen.items() if outcome != "read"}
if failed != {("arrow", 1), ("parquet", 1)} or seen["arrow", 1] != "ValueError":
    sys.exit(f"changed: {seen}")
PY
