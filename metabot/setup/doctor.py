"""Reports what this machine has, what is missing, and how to mend it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from metabot.setup import preflight, probes
from metabot.setup.probes import Answer, run_probe
from metabot.setup.ros import detect
from metabot.setup.state import READY, State

ROOT = Path(__file__).resolve().parents[2]

RUN_GB = 1.0
"""Disk space that runs need once the environment is there."""

DEMO_MEMORY_GB = 4.0


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at.

    Attributes:
        name: What it is.
        ok: It is there and works.
        found: What was found, in a few words.
        mend: How to get it; empty where nothing is missing.
        needed: The demo cannot run without it.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    needed: bool = False


def run_doctor(as_json: bool = False) -> int:
    """Prints the report.

    Args:
        as_json: Print one JSON object instead of a table.

    Returns:
        0 where the demo can run, 1 otherwise.
    """
    findings = examine(ROOT)
    able = can_demo(findings)
    if as_json:
        print(json.dumps({"ok": able, "checks": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _show(findings)
        print("The demo can run here: `make demo`." if able else "The demo cannot run here yet: mend what is needed.")
    return 0 if able else 1


def can_demo(findings: list[Finding]) -> bool:
    """Tells whether everything the demo needs is there."""
    return all(finding.ok for finding in findings if finding.needed)


def examine(root: Path) -> list[Finding]:
    """Looks at the machine and at the repository's environment.

    Args:
        root: The repository.
    """
    python = _environment_python(root)
    checks: list[Callable[[], Finding]] = [
        lambda: _python(python),
        lambda: _compiler(python is not None),
        lambda: _environment(root, python),
        lambda: _disk(root, python is not None),
        _cores,
        _memory,
    ]
    if python is None:
        checks.append(_ros_to_be)
    else:
        checks += _environment_checks(root, python)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(lambda check: check(), checks))


def _environment_python(root: Path) -> Path | None:
    own = root / ".venv" / "bin" / "python"
    if own.exists():
        return own
    # Installed elsewhere, with pip or in a container: the running Python is it.
    return Path(sys.executable) if sys.prefix != sys.base_prefix else None


def _environment_checks(root: Path, python: Path) -> list[Callable[[], Finding]]:
    def probe(code: str, **environ: str) -> Answer:
        return run_probe(python, code, environ)

    def renders(backend: str, mend: str) -> Finding:
        answer = probe(probes.RENDER, MUJOCO_GL=backend)
        found = "renders" if answer.ok else answer.error[:90]
        return Finding(f"off-screen GL, {backend}", answer.ok, found, "" if answer.ok else mend)

    return [
        lambda: _ros(root, probe(probes.ROS)),
        lambda: _interfaces(probe(probes.INTERFACES)),
        lambda: _launch(probe(probes.LAUNCH)),
        lambda: _physics(probe(probes.PHYSICS)),
        lambda: renders("osmesa", "for a video without a GPU: `apt-get install libosmesa6`"),
        lambda: renders("egl", "for a video on a GPU: its driver's EGL library, such as `apt-get install libegl1`"),
        lambda: _gpu(probe),
        lambda: _onnx(probe(probes.ONNX)),
    ]


def _python(python: Path | None) -> Finding:
    problem = preflight.python_problem(sys.version_info[:2])
    where = python or Path(sys.executable)
    return Finding("Python", not problem, f"{platform.python_version()}, {where}", problem, needed=True)


def _compiler(built: bool) -> Finding:
    problem = preflight.compiler_problem()
    # What is built stays built: a compiler is needed again only after a change.
    return Finding("C++ compiler", not problem, "compiles" if not problem else "none", problem, needed=not built)


def _environment(root: Path, python: Path | None) -> Finding:
    if python is None:
        return Finding("environment", False, "not made yet", "`make setup` makes it; so does `make demo`")
    ready = (root / ".venv" / READY).exists()
    found = f"{python.parents[1]}{', ready' if ready else ''}"
    return Finding("environment", ready, found, "" if ready else "`make setup` finishes it")


def _disk(root: Path, built: bool) -> Finding:
    free_gb = shutil.disk_usage(root).free / 1e9
    wanted = RUN_GB if built else preflight.NEEDED_GB
    mend = "" if free_gb >= wanted else f"free {wanted:.0f} GB in {root}"
    return Finding("disk", not mend, f"{free_gb:.0f} GB free", mend, needed=True)


def _cores() -> Finding:
    # `metabot.processes` says it too; set-up has to work without the rest of the package.
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding(
        "cores", count >= 2, str(count), "" if count >= 2 else "the demo is made for two: expect it to be late"
    )


def _memory() -> Finding:
    try:
        total_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):
        return Finding("memory", True, "unknown")
    enough = total_gb >= DEMO_MEMORY_GB
    return Finding(
        "memory", enough, f"{total_gb:.0f} GB", "" if enough else f"the demo uses up to {DEMO_MEMORY_GB:.0f} GB"
    )


def _ros_to_be() -> Finding:
    ros = detect(os.environ)
    problem = preflight.platform_problem(sys.platform, platform.machine()) if ros.from_wheels else ""
    return Finding("ROS 2", not problem, f"will be {ros}", problem, needed=True)


def _ros(root: Path, answer: Answer) -> Finding:
    if not answer.ok:
        return Finding("ROS 2", False, answer.error[:90], "`make setup`", needed=True)
    state = State.read(root / ".venv")
    ros = state.ros if state.known else detect(os.environ)
    return Finding("ROS 2", True, f"{ros}, rclpy {answer.found['version']}, {answer.found['rmw']}", needed=True)


def _interfaces(answer: Answer) -> Finding:
    found = answer.error[:90]
    if answer.ok:
        found = f"{answer.found['messages']} messages, {answer.found['actions']} actions"
    return Finding("metabot_interfaces", answer.ok, found, "" if answer.ok else "`make setup` builds them", needed=True)


def _launch(answer: Answer) -> Finding:
    mend = "" if answer.ok else "only `ros2 launch` needs them: source a ROS 2 distribution, then `make setup`"
    return Finding("launch, launch_ros", answer.ok, "import" if answer.ok else "not there", mend)


def _physics(answer: Answer) -> Finding:
    found = f"{answer.found['version']}, batched" if answer.ok else answer.error[:90]
    return Finding("MuJoCo", answer.ok, found, "" if answer.ok else "`make setup`", needed=True)


def _gpu(probe: Callable[..., Answer]) -> Finding:
    mend = "not needed; with an NVIDIA GPU, install its driver"
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("GPU", False, "none", mend)
    done = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        return Finding("GPU", False, "nvidia-smi finds none", mend)
    answer = probe(probes.GPU)
    if answer.ok and answer.found["name"]:
        return Finding("GPU", True, f"{answer.found['name']}, PyTorch {answer.found['torch']}")
    return Finding(
        "GPU", False, "present, but PyTorch cannot use it", "install a PyTorch build and a driver that match"
    )


def _onnx(answer: Answer) -> Finding:
    working = [name.removesuffix("ExecutionProvider") for name in answer.found.get("providers", [])]
    found = (
        f"{answer.found['version']}: {', '.join(working) or 'no provider works'}" if answer.ok else answer.error[:90]
    )
    ok = answer.ok and bool(working)
    return Finding("ONNX Runtime", ok, found, "" if ok else "`make setup`", needed=True)


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        _print(f"{_word(finding):8} {finding.name:{width}}  {finding.found}", _STYLES[_word(finding)])
        if finding.mend:
            _print(f"{'':{width + 9}}  -> {finding.mend}", "dim")


def _print(text: str, style: str) -> None:
    try:
        from rich.console import Console
    except ImportError:
        print(text)
    else:
        Console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


_STYLES = {"ok": "", "needed": "bold red", "missing": "yellow"}


def _word(finding: Finding) -> str:
    if finding.ok:
        return "ok"
    return "needed" if finding.needed else "missing"
