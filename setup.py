"""Packages, console scripts and ROS resources, for pip and for colcon alike."""

import re
import sys
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

NAME = "metabot"
HERE = Path(__file__).resolve().parent
VERSION = re.search(r'^__version__ = "(.+)"', (HERE / NAME / "__init__.py").read_text(), re.MULTILINE).group(1)
NODES = ("simulator", "robot_learner", "meta_learner", "language", "policy")

scripts = ["metabot = metabot.cli:main"]
# colcon puts scripts where `ros2 run metabot NODE` looks (see setup.cfg). pip
# would put such common names on everybody's PATH, so it installs `metabot` only.
if {"install", "develop"} & set(sys.argv):
    scripts += [f"{node} = metabot.nodes.{node}:main" for node in NODES]

packages = find_packages(include=[NAME, f"{NAME}.*"])
packages += find_packages("sim", include=["metabot_sim", "metabot_sim.*"])

setup(
    name=NAME,
    version=VERSION,
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=packages,
    package_dir={NAME: NAME, "metabot_sim": "sim/metabot_sim"},
    package_data={"": ["py.typed", "*.xml", "*.json", "*.html", "*.css", "*.js", "*.j2"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", sorted(glob("launch/*.launch.py"))),
    ],
    entry_points={"console_scripts": scripts},
    zip_safe=False,
)
