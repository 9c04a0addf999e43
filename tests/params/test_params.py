import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from metabot.params import (
    CheckpointError,
    Layout,
    LayoutError,
    decode_vector,
    encode_vector,
    load_checkpoint,
    save_checkpoint,
)

LAYOUT = Layout.of({"weight": (3, 2), "bias": (3,)})


def test_views_share_memory_and_keep_leading_dimensions() -> None:
    vector = np.zeros((4, LAYOUT.size), dtype=np.float32)
    LAYOUT.view(vector)["bias"][2] = 5.0
    assert vector[2].tolist() == [0.0] * 6 + [5.0] * 3
    assert LAYOUT.view(torch.zeros(4, LAYOUT.size))["weight"].shape == (4, 3, 2)


def test_flatten_and_view_are_inverse() -> None:
    arrays = {"weight": np.arange(6.0).reshape(3, 2), "bias": np.ones(3)}
    again = LAYOUT.view(LAYOUT.flatten(arrays))
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)


def test_hash_tells_layouts_apart() -> None:
    same = Layout.of({"weight": (3, 2), "bias": (3,)})
    others = [
        Layout.of({"weight": (2, 3), "bias": (3,)}),
        Layout.of({"bias": (3,), "weight": (3, 2)}),
        Layout.of({"Weight": (3, 2), "bias": (3,)}),
    ]
    assert same.hash == LAYOUT.hash == Layout.from_json(LAYOUT.to_json()).hash
    assert len({LAYOUT.hash, *(other.hash for other in others)}) == 4


def test_misfits_are_refused_by_name() -> None:
    with pytest.raises(LayoutError, match=r"8 numbers does not fit layout .* of 9"):
        LAYOUT.view(np.zeros(8))
    with pytest.raises(LayoutError, match="weight has shape"):
        LAYOUT.flatten({"weight": np.zeros((2, 3)), "bias": np.zeros(3)})
    with pytest.raises(LayoutError, match="names"):
        LAYOUT.flatten({"weight": np.zeros((3, 2))})
    with pytest.raises(LayoutError, match="share the names bias"):
        LAYOUT + Layout.of({"bias": (1,)})


def test_a_flipped_bit_on_the_wire_is_noticed() -> None:
    vector = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    data, checksum = encode_vector(vector)
    assert np.array_equal(decode_vector(data, checksum), vector)
    damaged = bytearray(data)
    damaged[17] ^= 4
    with pytest.raises(LayoutError, match="checksum"):
        decode_vector(damaged, checksum)


def test_checkpoint_round_trips(tmp_path: Path) -> None:
    vector = np.random.default_rng(0).standard_normal(LAYOUT.size).astype(np.float32)
    moments = {"mean": vector[:3], "count": np.array(7)}
    save_checkpoint(tmp_path / "a", vector, LAYOUT, {"version": 3}, moments)
    found = load_checkpoint(tmp_path / "a", LAYOUT)
    assert np.array_equal(found.vector, vector) and found.layout == LAYOUT and found.info == {"version": 3}
    assert found.moments.keys() == moments.keys() and found.moments["count"] == 7
    assert np.array_equal(found.moments["mean"], vector[:3])


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_previous_one(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a"
    for version in (1, 2):
        save_checkpoint(path, np.full(LAYOUT.size, version, np.float32), LAYOUT, {"version": version})
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    elif damage == "flip":
        where = content.index(np.full(3, 2, np.float32).tobytes())
        content[where + 1] ^= 1
    else:
        content = bytearray()
    path.write_bytes(content)
    vector, _, info, _ = load_checkpoint(path, LAYOUT)
    assert info["version"] == 1 and (vector == 1).all()


def test_checkpoints_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match="junk"):
        load_checkpoint(tmp_path / "junk")
    other = Layout.of({"x": (2,)})
    save_checkpoint(tmp_path / "other", np.zeros(2, np.float32), other, {})
    with pytest.raises(CheckpointError, match=f"layout {other.hash}.*wanted is {LAYOUT.hash}"):
        load_checkpoint(tmp_path / "other", LAYOUT)


def test_sigkill_while_saving_always_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from metabot.params import *\n"
        "layout = Layout.of({'x': (20000,)})\n"
        "for version in range(1, 10**6):\n"
        "    save_checkpoint(Path(sys.argv[1]), np.full(20000, version, np.float32), layout, {'version': version})\n"
        "    print(version, flush=True)\n"
    )
    for kill_after in (1, 3, 7):
        path = tmp_path / f"checkpoint-{kill_after}"
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        announced = 0
        for line in process.stdout:
            announced = int(line)
            if announced >= kill_after:
                os.kill(process.pid, signal.SIGKILL)
                break
        process.wait()
        process.stdout.close()
        vector, _, info, _ = load_checkpoint(path)
        assert info["version"] >= announced - 1 and (vector == info["version"]).all()
