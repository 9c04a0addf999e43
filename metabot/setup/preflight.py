"""Says what is missing before anything is downloaded.

This module parses and runs on Python 3.6, so that an old Python is told so in
one sentence: no newer syntax, no newer typing.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile

OLDEST = (3, 10)
NEWER_NAMES = ("python3.11", "python3.12", "python3.13", "python3.10")
"""Programs to look for when the Python at hand is too old, the best-tested first."""

NEEDED_GB = 6.0
"""Disk space of the environment with a GPU build of PyTorch, and of its downloads."""


def python_problem(version: tuple) -> str:
    """Says what is wrong with a Python version, or nothing.

    Args:
        version: Major and minor number.
    """
    if tuple(version[:2]) >= OLDEST:
        return ""
    found = ".".join(str(number) for number in version[:2])
    wanted = ".".join(str(number) for number in OLDEST)
    return "Python {} or newer is needed, this is {}: name another one with `make PYTHON=python3.11 ...`".format(
        wanted, found
    )


def newer_python() -> str:
    """Finds a Python in PATH that is new enough, or returns an empty string."""
    check = "import sys; sys.exit(sys.version_info < {!r})".format(OLDEST)
    for name in NEWER_NAMES:
        path = shutil.which(name)
        # A name in PATH may be a shim for a version that is not there: run it.
        if path and _succeeds([path, "-c", check]):
            return path
    return ""


def problems(root: str, wheels: bool) -> list:
    """Lists what set-up would fail on later, one clear line each.

    Args:
        root: The repository.
        wheels: ROS comes from wheels, not from a distribution.
    """
    checks = [venv_problem(), compiler_problem(), headers_problem(), disk_problem(root)]
    if wheels:
        checks.append(platform_problem(sys.platform, platform.machine()))
    return [problem for problem in checks if problem]


def venv_problem() -> str:
    """Says that Python cannot make virtual environments, as on a bare Debian."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "Python's venv module is missing: `apt-get install python{}.{}-venv` or your system's equivalent".format(
            *sys.version_info[:2]
        )
    return ""


def compiler_problem() -> str:
    """Says that no C++ compiler works; compiles a tiny program to know."""
    tried = []
    asked = os.environ.get("CXX", "")
    for words in [asked.split()] if asked else [["c++"], ["g++"], ["clang++"]]:
        if words and shutil.which(words[0]):
            tried.append(words[0])
            if _compiles(words):
                return ""
    if asked:
        reason = "$CXX is `{}`, which {}".format(asked, "compiles nothing" if tried else "is not there")
    elif tried:
        reason = "{} is there but compiles nothing".format(" and ".join(tried))
    else:
        reason = "none of c++, g++ and clang++ is in PATH"
    return "no working C++ compiler ({}): `apt-get install g++` or your system's equivalent".format(reason)


def headers_problem() -> str:
    """Says that Python's C headers are missing, which the interfaces are compiled with."""
    folder = sysconfig.get_path("include") or ""
    if os.path.exists(os.path.join(folder, "Python.h")):
        return ""
    return "Python's C headers are missing: `apt-get install python{}.{}-dev` or your system's equivalent".format(
        *sys.version_info[:2]
    )


def disk_problem(root: str) -> str:
    """Says that too little disk space is left for the environment.

    Args:
        root: The repository.
    """
    if os.path.exists(os.path.join(root, ".venv", ".ready")):
        return ""
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb >= NEEDED_GB:
        return ""
    return "{:.1f} GB of disk space are free in {}, about {:.0f} GB are needed".format(free_gb, root, NEEDED_GB)


def platform_problem(system: str, machine: str) -> str:
    """Says that no ROS wheels exist for this machine.

    Args:
        system: `sys.platform` of the machine.
        machine: `platform.machine()` of the machine.
    """
    if system == "linux" and machine in ("x86_64", "AMD64"):
        return ""
    return "ROS 2 wheels exist for Linux on x86-64, this is {} on {}: source a ROS 2 distribution first".format(
        system, machine
    )


def _compiles(compiler: list) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "check.cpp")
        with open(source, "w") as file:
            file.write("#include <vector>\nint main() { return (int)std::vector<int>(0).size(); }\n")
        return _succeeds([*compiler, "-std=c++17", source, "-o", os.path.join(folder, "check")])


def _succeeds(command: list) -> bool:
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
