"""Frames to an H.264 file that every browser plays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np

MAX_BYTES = 5_000_000
_USABLE = 0.85
"""Share of the limit that is planned with: a cap on the bit rate holds only on average."""


def encode(path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], rate_hz: float, duration_s: float) -> None:
    """Write a video, whole or not at all.

    Args:
        path: the file to write, at most `MAX_BYTES` long.
        frames: (height, width, 3) uint8.
        size: width and height in pixels, both even.
        rate_hz: frames per second.
        duration_s: how long the video will be.

    Raises:
        OSError: if the encoder is missing or fails.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.mp4")
    bits_per_s = int(_USABLE * MAX_BYTES * 8 / max(duration_s, 1.0))
    limit = ["-maxrate", str(bits_per_s), "-bufsize", str(bits_per_s)]
    writer = imageio_ffmpeg.write_frames(
        unfinished,
        size,
        fps=rate_hz,
        codec="libx264",
        pix_fmt_out="yuv420p",
        quality=None,
        macro_block_size=2,
        output_params=["-preset", "veryfast", "-crf", "22", "-movflags", "+faststart", *limit],
    )
    try:
        writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
        writer.close()
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
