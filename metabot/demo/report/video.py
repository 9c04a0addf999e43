"""``fleet.mp4``: the drive as MuJoCo sees it, made by ``python -m metabot.demo.report.video RUN_DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from metabot.demo.report.offscreen import FIRST_FRAME, VIDEO_NAME, make_video

RENDER_BUDGET_S = 9.0
"""Time for all frames; a slow machine renders fewer."""


def render_here(run_dir: Path) -> None:
    """Render a run's video in this process, with the OpenGL that MUJOCO_GL names."""
    # Here, because only this way needs them.
    from metabot.demo.report.encode import encode
    from metabot.demo.report.load import load_motion, load_summary
    from metabot.demo.report.render import HEIGHT, WIDTH, Film

    summary = load_summary(run_dir)
    film = Film(summary.task, load_motion(run_dir, summary))
    rate_hz, times_s = film.plan(RENDER_BUDGET_S)
    print(FIRST_FRAME, flush=True)
    frames = (film.frame(time_s) for time_s in times_s)
    encode(run_dir / VIDEO_NAME, frames, (WIDTH, HEIGHT), rate_hz, len(times_s) / rate_hz)
    film.close()


def main() -> int:
    """Render the video of a run directory again, or for the first time."""
    parser = argparse.ArgumentParser(prog="python -m metabot.demo.report.video", description=main.__doc__)
    parser.add_argument("run_dir", type=Path, help="directory with summary.json and paths.json")
    parser.add_argument(
        "--here", action="store_true", help="render in this process, with the OpenGL that MUJOCO_GL names"
    )
    arguments = parser.parse_args()
    if arguments.here:
        render_here(arguments.run_dir)
        return 0
    note = make_video(arguments.run_dir)
    print(note or arguments.run_dir / VIDEO_NAME)
    return 1 if note else 0


if __name__ == "__main__":
    sys.exit(main())
