import json
import subprocess
import sys
import venv
from pathlib import Path

from metabot.setup import workspace
from metabot.setup.ros import Ros, detect, distribution_problem


def test_nothing_sourced_means_wheels():
    assert detect({}).from_wheels


def test_sourced_distribution_is_the_last_prefix():
    ros = detect({"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/home/me/ws/install/x:/opt/ros/jazzy"})
    assert ros == Ros("jazzy", "/opt/ros/jazzy")
    assert str(ros) == "ROS 2 jazzy in /opt/ros/jazzy"


def test_distribution_of_another_python_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "rclpy.py").write_text("raise ImportError('built for another Python. Long advice.')\n")
    problem = distribution_problem(Ros("jazzy", "/opt/ros/jazzy"), sys.executable)
    assert "ROS_DISTRO is jazzy" in problem
    assert "built for another Python" in problem
    assert "unset ROS_DISTRO" in problem
    assert "\n" not in problem


def test_hook_leaves_out_the_workspace_copy_of_metabot():
    ws = Path("/repo/ros2_ws")
    sourced = {
        "ROS_DISTRO": "jazzy",
        "AMENT_PREFIX_PATH": "/repo/ros2_ws/install/metabot:/opt/ros/jazzy",
        "PYTHONPATH": "/repo/ros2_ws/install/metabot/lib/x:/repo/ros2_ws/install/metabot_interfaces/lib/x:/opt/ros/x",
        "PATH": "/repo/.venv/bin:/opt/ros/jazzy/bin:/usr/bin",
    }
    settings = workspace.hook_settings(sourced, ws, Path("/repo/.venv"))
    assert settings["paths"]["PYTHONPATH"] == ["/repo/ros2_ws/install/metabot_interfaces/lib/x", "/opt/ros/x"]
    assert settings["paths"]["PATH"] == ["/opt/ros/jazzy/bin"]
    assert settings["plain"] == {"ROS_DISTRO": "jazzy"}


def test_environment_enters_the_distribution_by_itself(tmp_path):
    """A Python started with nothing sourced finds the paths, once, and keeps its arguments."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    packages = next(home.glob("lib/python3*/site-packages"))
    settings = {"paths": {"LD_LIBRARY_PATH": ["/ws/lib"], "PYTHONPATH": [str(tmp_path / "seen")]}, "plain": {"A": "b"}}
    (packages / f"{workspace.HOOK}.json").write_text(json.dumps(settings))
    (packages / f"{workspace.HOOK}.py").write_text(workspace._HOOK_CODE)
    (packages / f"{workspace.HOOK}.pth").write_text(f"import {workspace.HOOK}\n")
    code = (
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.environ['LD_LIBRARY_PATH'], os.environ['A'], sys.path]))"
    )
    for environ in ({}, {"LD_LIBRARY_PATH": "/mine"}):
        done = subprocess.run(
            [python, "-c", code, "x y", "$z"], env=environ, capture_output=True, text=True, check=True
        )
        words, library, plain, path = json.loads(done.stdout)
        assert words == ["x y", "$z"]
        assert library.split(":") == ["/ws/lib", *environ.values()]
        assert plain == "b"
        assert str(tmp_path / "seen") in path
