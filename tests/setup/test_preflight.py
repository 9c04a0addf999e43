import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from metabot.setup import preflight


def old_python() -> str:
    """A real Python below 3.10, or nothing."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    # A version manager keeps its Pythons side by side: look next to ours too.
    folders += [path / "bin" for path in Path(sys.base_prefix).parent.glob("3.*")]
    for minor in (6, 7, 8, 9):
        for folder in folders:
            path = folder / f"python3.{minor}"
            if path.exists() and preflight._succeeds([str(path), "-c", "pass"]):
                return str(path)
    return ""


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with no compiler and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return str(folder)


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 9)])
def test_old_version_is_named_with_what_is_needed(version):
    problem = preflight.python_problem(version)
    assert "Python 3.10 or newer is needed" in problem
    assert f"this is {version[0]}.{version[1]}" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (4, 0)])
def test_new_version_is_no_problem(version):
    assert preflight.python_problem(version) == ""


def test_real_old_python_says_one_line_and_exits_2(clone, bare_path):
    python = old_python()
    if not python:
        pytest.skip("no Python older than 3.10 on this machine")
    done = clone.run(python=python, PATH=bare_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Python 3.10 or newer is needed" in done.stderr
    assert not (clone.root / ".venv").exists()


def test_real_old_python_goes_on_with_a_newer_one_in_path(clone, bare_path):
    python = old_python()
    if not python:
        pytest.skip("no Python older than 3.10 on this machine")
    newer = Path(bare_path) / "python3.11"
    newer.write_text(f'#!/bin/sh\nexec {getattr(sys, "_base_executable", sys.executable)} "$@"\n')
    newer.chmod(0o755)
    done = clone.run("--this-python", python=python, PATH=bare_path)
    assert f"going on with {newer}" in done.stdout
    # It got as far as the next check: there is no compiler in this PATH.
    assert "no working C++ compiler" in done.stderr


def test_missing_compiler_is_one_line_before_anything_is_made(clone, bare_path):
    done = clone.run(PATH=bare_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no working C++ compiler (none of c++, g++ and clang++ is in PATH)" in done.stderr
    assert "apt-get install g++" in done.stderr
    assert not (clone.root / ".venv").exists()


def test_compiler_that_compiles_nothing_is_found_out(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    assert "compiles nothing" in preflight.compiler_problem()


def test_compiler_asked_for_with_words_is_used(monkeypatch):
    compiler = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
    if compiler is None:
        pytest.skip("no C++ compiler on this machine")
    monkeypatch.setenv("CXX", f"{compiler} -O1")
    assert preflight.compiler_problem() == ""


def test_full_disk_is_said_with_numbers(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**10, 9 * 10**9, 10**9))
    assert "1.0 GB of disk space are free" in preflight.disk_problem(str(tmp_path))


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "aarch64")])
def test_machine_without_ros_wheels_is_told_so(system, machine):
    assert "source a ROS 2 distribution" in preflight.platform_problem(system, machine)


def test_modules_that_run_first_parse_on_python_3_6():
    python = old_python()
    if not python:
        pytest.skip("no Python older than 3.10 on this machine")
    folder = Path(preflight.__file__).parent
    for path in (
        folder.parent / "__init__.py",
        folder / "__init__.py",
        folder / "__main__.py",
        folder / "preflight.py",
    ):
        code = "import ast, sys; ast.parse(open(sys.argv[1]).read())"
        subprocess.run([python, "-c", code, str(path)], check=True)
