"""Writing the report of a run into its directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metabot.demo.paths import UNADAPTED_PATHS
from metabot.demo.report.animation import write_gif
from metabot.demo.report.load import load_motion, load_summary
from metabot.demo.report.motion import Motion
from metabot.demo.report.offscreen import NO_MOTION, NOT_WANTED, VIDEO_NAME, make_video
from metabot.demo.report.page import render
from metabot.demo.report.still import write_picture
from metabot.demo.report.view import is_arm
from metabot.params.atomic import atomic_file

REPORT_NAME = "report.html"
FROM_ABOVE = "no video: arms and objects are drawn from above"
PICTURE_NAME = "paths.png"
ANIMATION_NAME = "fleet.gif"


@dataclass(frozen=True)
class ReportFiles:
    """What `write_report` wrote."""

    html: Path
    picture: Path
    """The driven paths as a PNG, beside those before adaptation where there are any."""
    video: Path | None
    """The drive as H.264, if this machine can render off-screen."""
    animation: Path | None
    """The drive as a GIF of the top view, where there is no video."""
    video_note: str
    """Why there is no video and what to install; empty if there is one."""


def write_report(run_dir: Path, *, video: bool = True) -> ReportFiles:
    """Write ``report.html``, ``paths.png`` and ``fleet.mp4`` or ``fleet.gif`` of a finished run.

    What was recorded of the drive may be incomplete or missing altogether; the report then says so.

    Args:
        run_dir: a directory with ``summary.json`` and, if the fleet drove, ``paths.json``; if it also drove before it
            adapted, ``paths-unadapted.json``.
        video: try to render a video; without it the animated top view is made.

    Raises:
        OSError: if the summary cannot be read or a file cannot be written.
        ValueError: if ``summary.json`` is not a summary.
    """
    summary = load_summary(run_dir)
    motion, unadapted = load_motion(run_dir, summary), load_motion(run_dir, summary, UNADAPTED_PATHS)
    film, animation = run_dir / VIDEO_NAME, run_dir / ANIMATION_NAME
    # Those of an earlier report would contradict this one's note.
    film.unlink(missing_ok=True)
    animation.unlink(missing_ok=True)
    seen_above = any(is_arm(robot) for robot in summary.task.robots) or bool(summary.task.objects)
    note = FROM_ABOVE if seen_above and motion.moving else _make_video(run_dir, motion, video)
    if note and motion.moving:
        write_gif(animation, summary.task, motion)
    picture = run_dir / PICTURE_NAME
    write_picture(picture, summary, motion, unadapted)
    found = ReportFiles(
        html=run_dir / REPORT_NAME,
        picture=picture,
        video=film if film.exists() else None,
        animation=animation if animation.exists() else None,
        video_note=note,
    )
    page = render(
        summary,
        motion,
        unadapted,
        found.video.name if found.video else None,
        found.animation.name if found.animation else None,
        note,
    )
    with atomic_file(found.html) as file:
        file.write(page.encode())
    return found


def _make_video(run_dir: Path, motion: Motion, wanted: bool) -> str:
    """Make the video if there is anything to see and it is wanted; returns why there is none, or ""."""
    if not motion.moving:
        return NO_MOTION
    return make_video(run_dir) if wanted else NOT_WANTED
