import re
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from metabot.setup.environment import choose_requirements
from metabot.setup.lockfile import compose, read_sections, requirement_name
from metabot.setup.ros import WHEELS, Ros

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "requirements.lock").read_text()
LINES = [line for lines in read_sections(TEXT).values() for line in lines]


def direct() -> list[Requirement]:
    """What pyproject.toml asks for, without a TOML parser, which Python 3.10 lacks."""
    text = (ROOT / "pyproject.toml").read_text().split("[tool.")[0]
    quoted = re.findall(r'^    "([^"]+)",', text, re.MULTILINE)
    return [Requirement(line) for line in quoted]


def on(python: str, machine: str = "x86_64") -> dict[str, str]:
    return {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "platform_machine": machine,
        "extra": "",
    }


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_lock_pins_every_direct_dependency_once_for(python, machine):
    environment = on(python, machine)
    pins: dict[str, set[str]] = {}
    for line in LINES:
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(environment):
            pins.setdefault(requirement_name(line), set()).add(str(pin.specifier))
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}
    wanted = [ask for ask in direct() if ask.marker is None or ask.marker.evaluate(environment)]
    assert len(wanted) > 50
    for ask in wanted:
        (pin,) = pins[re.sub(r"[-_.]+", "-", ask.name).lower()]
        assert ask.specifier.contains(pin.removeprefix("==")), f"{ask} is locked as {pin}"


def test_lock_leaves_gpu_libraries_to_torch():
    names = {requirement_name(line) for line in LINES}
    assert "torch" in names
    assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]


def test_lock_names_no_host_path_or_option():
    assert not re.search(r"://|@ |(^|\s)/|^-", TEXT, re.MULTILINE)


def test_distribution_brings_its_own_ros():
    names = [requirement_name(line) for line in choose_requirements(TEXT, Ros("jazzy", "/opt/ros/jazzy"), True)]
    assert "torch" in names
    assert not [name for name in names if name.startswith(("ros-", "colcon-", "empy", "lark"))]


def test_colcon_is_installed_where_a_distribution_lacks_it():
    chosen = choose_requirements(TEXT, Ros("jazzy", "/opt/ros/jazzy"), False)
    assert "colcon-core" in [requirement_name(line) for line in chosen]


def test_wheels_take_the_whole_lock():
    assert sorted(choose_requirements(TEXT, Ros(WHEELS), False)) == sorted(LINES)


def test_composed_lock_reads_back_by_section():
    resolved = {
        "base": ["a==1", "torch==2", "nvidia-x==3"],
        "ros": ["a==1", "ros-b==1", "torch==2"],
        "colcon": ["a==1", "colcon-core==1", "cuda-y==1", "ros-b==1", "torch==2", "triton==3"],
    }
    assert read_sections(compose(resolved)) == {
        "base": ["a==1", "torch==2"],
        "ros": ["ros-b==1"],
        "colcon": ["colcon-core==1"],
    }
