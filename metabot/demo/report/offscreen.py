"""Rendering a run's video in processes of its own.

OpenGL drivers can hang or take the whole process with them, so the demo never renders in its
own: `make_video` starts ``python -m metabot.demo.report.video`` for each way to render
off-screen until one shows a first frame.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

VIDEO_NAME = "fleet.mp4"
NO_GL = "no video: off-screen OpenGL is missing; install libosmesa6 (apt-get install libosmesa6) or an EGL driver"
NOT_WANTED = "no video: it was left out on request"
NO_MOTION = "no video: no motion was recorded"

BACKENDS = ("egl", "osmesa")
TIMEOUT_S = 60.0
FIRST_FRAME_S = 20.0
"""A driver that shows nothing by then is given up."""
FIRST_FRAME = "first frame"
"""What the rendering process prints once OpenGL has proved to work."""
_POLL_S = 0.05


def make_video(run_dir: Path, timeout_s: float = TIMEOUT_S, first_frame_s: float = FIRST_FRAME_S) -> str:
    """Render a run's video in other processes.

    Args:
        run_dir: the run; ``fleet.mp4`` is written there, whole or not at all.
        timeout_s: for all ways to render together.
        first_frame_s: until one of them has to show its first frame.

    Returns:
        Nothing if there is a video, else one line that says why there is none and what to do.
    """
    deadline = time.monotonic() + timeout_s
    chosen = os.environ.get("MUJOCO_GL")
    for backend in (chosen,) if chosen else BACKENDS:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        code, output = _attempt(run_dir, backend, left, min(first_frame_s, left))
        if code == 0 and (run_dir / VIDEO_NAME).exists():
            return ""
        # With a frame on show OpenGL works, and another way to it would fail likewise.
        if FIRST_FRAME in output:
            if code is None:
                return f"no video: rendering took longer than {timeout_s:.0f} s"
            lines = output.strip().splitlines()
            return f"no video: {lines[-1].strip()}"
    return f"{NO_GL} (MUJOCO_GL is set to {chosen})" if chosen else NO_GL


def _attempt(run_dir: Path, backend: str, timeout_s: float, first_frame_s: float) -> tuple[int | None, str]:
    """One process with one way to render: its exit code, None if it was ended, and what it said."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    # PyOpenGL obeys its own variable before MuJoCo's.
    environment.pop("PYOPENGL_PLATFORM", None)
    command = [sys.executable, "-m", "metabot.demo.report.video", "--here", str(run_dir)]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        began = time.monotonic()
        seen = False
        try:
            while process.poll() is None:
                waited = time.monotonic() - began
                seen = seen or FIRST_FRAME in _read(output)
                if waited > timeout_s or (not seen and waited > first_frame_s):
                    break
                time.sleep(_POLL_S)
            code = process.poll()
        finally:
            _end(process)
        return code, _read(output)


def _read(output: IO[str]) -> str:
    return os.pread(output.fileno(), 1 << 20, 0).decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and the encoder it started, also on Ctrl-C."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
