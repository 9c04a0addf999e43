"""A film or a still of one episode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from metabot.task import SpecError, TaskSpec
from metabot_sim.camera import Camera
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.base import Split
from metabot_sim.policies import Drivers, Policy

GIF_EVERY = 2
"""Of how many frames a GIF keeps one: it is large otherwise."""
_MARK = b"metabot"
"""Every file says by it where it is from."""


class Film:
    """One episode of a family, played as often as it is asked for, always the same."""

    def __init__(
        self,
        family: str | TaskSpec,
        policy: str = "expert",
        *,
        robots: int | None = None,
        split: Split = "train",
        task: int | None = None,
        seed: int = 0,
        drivers: Drivers | None = None,
    ) -> None:
        """Choose the episode.

        Args:
            family: its name, or a whole task.
            policy: one of `metabot_sim.policies.POLICIES`, or of `drivers`.
            robots: how many; the family's usual number by default.
            split: which tasks.
            task: number of the task; one is drawn by default.
            seed: of task, places and random commands.
            drivers: others that can drive, by name.

        Raises:
            SpecError: if these do not go together; one line.
        """
        tasks = None if task is None else np.array([task])
        self._env = FleetEnv(family, 1, robots=robots, split=split, tasks=tasks, autoreset=Autoreset.DISABLED)
        self._policy, self._seed, self._drivers = policy, seed, drivers
        Policy(policy, self._env, seed, drivers)
        self.rate_hz = self._env.spec.control_hz
        self.success = False
        """Whether the heroes had done their part when the episode was last played to its end."""

    def play(self) -> Iterator[int]:
        """Play the episode; yields the number of each step, 0 before the first."""
        self._env.reset(self._seed)
        act = Policy(self._policy, self._env, self._seed, self._drivers)
        act.begin(int(self._env.task_numbers[0]))
        step, running = 0, True
        yield step
        while running:
            done = self._env.step(act())
            act.hear(done)
            running = not (done.terminated[0] or done.truncated[0])
            if not running:
                self.success = bool(done.success[0, self._env.heroes].all())
            step += 1
            yield step

    def write(self, video: Path | None, picture: Path | None, width: int = 640, height: int = 480) -> None:
        """Write a video, a picture of the middle of the episode, or both.

        Args:
            video: a file ending in .mp4 or .gif; written whole or not at all.
            picture: a file ending in .png.
            width: in pixels, even.
            height: in pixels, even.

        Raises:
            RenderError: if there is no off-screen OpenGL; one line.
            SpecError: if a file's name ends in something else.
        """
        if video is not None and video.suffix not in (".mp4", ".gif"):
            raise SpecError(f"out: {video}; allowed: a file ending in .mp4 or .gif")
        if picture is not None and picture.suffix != ".png":
            raise SpecError(f"picture: {picture}; allowed: a file ending in .png")
        camera = Camera(self._env.world, width, height)
        try:
            if picture is not None:
                middle = max(self.play()) // 2
                self._still(next(camera.picture() for step in self.play() if step == middle), picture)
            if video is not None:
                self._film(camera, video)
        finally:
            camera.close()

    def _still(self, pixels: np.ndarray, picture: Path) -> None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        unfinished = picture.with_name(f".{picture.stem}.{os.getpid()}.png")
        facts = PngInfo()
        facts.add_text("Software", _MARK.decode())
        try:
            Image.fromarray(pixels).save(unfinished, pnginfo=facts)
            os.replace(unfinished, picture)
        finally:
            unfinished.unlink(missing_ok=True)

    def _film(self, camera: Camera, video: Path) -> None:
        video.parent.mkdir(parents=True, exist_ok=True)
        unfinished = video.with_name(f".{video.stem}.{os.getpid()}{video.suffix}")
        every = GIF_EVERY if video.suffix == ".gif" else 1
        try:
            with imageio.get_writer(unfinished, **self._format(video.suffix, every)) as writer:
                for step in self.play():
                    if step % every == 0:
                        writer.append_data(camera.picture())  # type: ignore[attr-defined]
            if video.suffix == ".gif":
                # A comment before the trailer: the library has no word for it.
                content = unfinished.read_bytes()
                unfinished.write_bytes(
                    content[:-1] + b"\x21\xfe" + bytes([len(_MARK)]) + _MARK + b"\x00" + content[-1:]
                )
            os.replace(unfinished, video)
        finally:
            unfinished.unlink(missing_ok=True)

    def _format(self, suffix: str, every: int) -> dict[str, Any]:
        if suffix == ".gif":
            return {"mode": "I", "duration": 1000.0 * every / self.rate_hz, "loop": 0}
        said = ["-metadata", f"comment={_MARK.decode()}"]
        return {"fps": self.rate_hz, "codec": "libx264", "macro_block_size": 2, "output_params": said}


def is_ours(path: Path) -> bool:
    """Whether a film or a picture was made here."""
    content = path.read_bytes()
    return _MARK in content[:_ENDS] or _MARK in content[-_ENDS:]


_ENDS = 1 << 16
