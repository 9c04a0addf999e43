"""Builds `metabot_interfaces` against the ROS wheels and installs it into the environment."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from metabot.setup.console import SetupError, run_logged
from metabot.setup.ros import clean_environment, output_of

SOURCE = Path("ros2_ws/src/metabot_interfaces")
"""The interface package, relative to the repository."""

_BUILDER_PATH = re.compile(r"/opt/python/[^;\"\s)]*")


@dataclass(frozen=True)
class IncludeFolders:
    """Header folders of the interpreter that will import the interfaces."""

    python: str
    numpy: str

    @classmethod
    def of(cls, python: Path) -> IncludeFolders:
        """Asks an interpreter for its header folders.

        Args:
            python: Interpreter of the environment, with NumPy installed.

        Raises:
            SetupError: The interpreter has no NumPy.
        """
        code = (
            "import json, sysconfig, numpy; "
            "print(json.dumps({'python': sysconfig.get_path('include'), 'numpy': numpy.get_include()}))"
        )
        return cls(**json.loads(output_of([str(python), "-c", code], clean_environment(os.environ, python.parents[1]))))


def mend_text(text: str, folders: IncludeFolders) -> str:
    """Replaces include folders of the machine that built the wheels by ours.

    The wheels' exported targets name `/opt/python/...`, which exists only in
    the image that built them. Mending twice changes nothing.

    Args:
        text: Content of a `.cmake` file.
        folders: What to put there instead.
    """
    return _BUILDER_PATH.sub(lambda match: folders.numpy if "/numpy/" in match[0] else folders.python, text)


def mend_tree(share: Path, folders: IncludeFolders) -> int:
    """Mends every `.cmake` file under `share` and returns how many changed."""
    changed = 0
    for path in sorted(share.rglob("*.cmake")):
        text = path.read_text(encoding="utf-8")
        mended = mend_text(text, folders)
        if mended != text:
            # A file may be a hard link into a package cache: replace, never write through.
            fresh = path.with_suffix(".cmake.new")
            fresh.write_text(mended, encoding="utf-8")
            fresh.replace(path)
            changed += 1
    return changed


def build_into(venv: Path, source: Path, work: Path) -> None:
    """Builds the interface package and installs it into a virtual environment.

    Args:
        venv: The environment; holds the ROS wheels and gets the package.
        source: The interface package.
        work: Folder for the build tree and the logs, made anew.

    Raises:
        SetupError: CMake, the compiler or a generator failed.
    """
    python = venv / "bin" / "python"
    mend_tree(venv / "share", IncludeFolders.of(python))
    build, logs = work / "build", work / "log"
    remove_installed(build, venv)
    shutil.rmtree(build, ignore_errors=True)
    own = venv / "bin" / "cmake"
    cmake = str(own) if own.exists() else shutil.which("cmake")
    if cmake is None:
        raise SetupError("no cmake found: install it with `pip install cmake` or your package manager")
    env = clean_environment(os.environ, venv)
    configure: list[str | Path] = [
        cmake,
        "-S",
        source,
        "-B",
        build,
        f"-DCMAKE_INSTALL_PREFIX={venv}",
        f"-DCMAKE_PREFIX_PATH={venv}",
        f"-DPython3_EXECUTABLE={python}",
        "-DBUILD_TESTING=OFF",
        "-DCMAKE_BUILD_TYPE=Release",
    ]
    run_logged(configure, logs / "interfaces-configure.log", env)
    parallel = str(min(os.cpu_count() or 1, 8))
    run_logged([cmake, "--build", build, "--parallel", parallel], logs / "interfaces-build.log", env)
    run_logged([cmake, "--install", build], logs / "interfaces-install.log", env)


def remove_installed(build: Path, venv: Path) -> None:
    """Removes what an earlier build installed, so that a deleted message is gone.

    Args:
        build: Earlier build tree; its install manifest lists the files.
        venv: Nothing outside it is touched.
    """
    manifest = build / "install_manifest.txt"
    if not manifest.exists():
        return
    for line in manifest.read_text(encoding="utf-8").splitlines():
        path = Path(line)
        if venv in path.parents:
            path.unlink(missing_ok=True)
