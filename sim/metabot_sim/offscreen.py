"""Which off-screen OpenGL works on this machine. Imports no MuJoCo: that settles the choice."""

from __future__ import annotations

import os
import subprocess
import sys

NO_GL = (
    "no picture: off-screen OpenGL is missing; install libosmesa6 (apt-get install libosmesa6) and set"
    " MUJOCO_GL=osmesa, or an EGL driver and MUJOCO_GL=egl"
)
_TIMEOUT_S = 20.0
_PROBE = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><geom size="1"/></worldbody></mujoco>')
renderer = mujoco.Renderer(model, 8, 8)
renderer.update_scene(mujoco.MjData(model))
renderer.render()
print("a picture", flush=True)
"""


class RenderError(RuntimeError):
    """There is no picture; the message is one line that says why and what to do."""


def choose() -> str:
    """Set MUJOCO_GL to a way of rendering off-screen that works, unless it is set or there is a screen.

    Has to be called before MuJoCo is first imported. Drivers can hang or take the process with
    them, so each is tried in a process of its own.

    Returns:
        What was chosen; empty if nothing works or nothing had to be chosen.
    """
    if os.environ.get("MUJOCO_GL") or os.environ.get("DISPLAY") or sys.platform != "linux":
        return ""
    for backend in ("egl", "osmesa"):
        if works(backend):
            os.environ["MUJOCO_GL"] = backend
            return backend
    return ""


def works(backend: str) -> bool:
    """Whether a process with this MUJOCO_GL can make a picture."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    # PyOpenGL obeys its own variable before MuJoCo's.
    environment.pop("PYOPENGL_PLATFORM", None)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        return False
    # Some drivers crash while they are taken down; what counts is the picture.
    return "a picture" in done.stdout
