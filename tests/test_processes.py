"""Processes that compute side by side end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from metabot.processes import workers

PARENT = """
import os, sys, time
from metabot.processes import workers
if __name__ == "__main__":
    with workers(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(1)}, flush=True)
        slow = pool.submit(time.sleep, 600)
        slow.result()
"""


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def soon(happened: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 20.0
    while not happened() and time.monotonic() < ends:
        time.sleep(0.05)
    return happened()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent_however_it_ends(number: signal.Signals, tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as one:
        assert one.stdout is not None
        worker = int(one.stdout.readline())
        assert not gone(worker)
        one.send_signal(number)
        one.wait(timeout=20)
    assert soon(lambda: gone(worker))


def test_an_error_in_the_block_ends_the_workers_at_once() -> None:
    with pytest.raises(RuntimeError, match="mine"), workers(1) as pool:
        worker = pool.submit(os.getpid).result()
        pool.submit(time.sleep, 600)
        raise RuntimeError("mine")
    assert soon(lambda: gone(worker))


FREED = """
import sys
import numpy as np
from metabot.processes import give_back_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

# Every other one stays: what is freed lies between them.
parts = [np.ones(12_000) for _ in range(4000)]
parts = parts[::2]
before = resident_mb()
give_back_memory()
print(before - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems return memory themselves")
def test_what_is_no_longer_used_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, timeout=60, check=True)
    # Half of 384 MB was freed.
    assert float(done.stdout) > 100.0
