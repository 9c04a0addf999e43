"""Small programs that the doctor runs in the environment, each in a process of its own.

A library that crashes, hangs or writes to the terminal while it is probed then
takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 60.0

ROS = """
import importlib.metadata as metadata
import rclpy
from rclpy.utilities import get_rmw_implementation_identifier
try:
    version = metadata.version("rclpy")
except metadata.PackageNotFoundError:
    version = "unknown version"
answer["version"] = version
answer["rmw"] = get_rmw_implementation_identifier()
"""

INTERFACES = """
import metabot_interfaces.action, metabot_interfaces.msg
from rclpy.serialization import serialize_message
message = metabot_interfaces.msg.MetaParameters()
serialize_message(message)
count = lambda module: len([name for name in dir(module) if name[0].isupper() and "_" not in name])
answer["messages"], answer["actions"] = count(metabot_interfaces.msg), count(metabot_interfaces.action)
"""

LAUNCH = """
from launch import LaunchDescription
from launch_ros.actions import Node
"""

PHYSICS = """
import mujoco
from mujoco.batch import Batch
answer["version"] = mujoco.__version__
"""

RENDER = """
import mujoco
scene = "<mujoco><worldbody><light pos='0 0 9'/><geom size='1' rgba='1 1 1 1'/></worldbody></mujoco>"
model = mujoco.MjModel.from_xml_string(scene)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    if not renderer.render().any():
        raise RuntimeError("renders only black")
"""

GPU = """
import torch
answer["name"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
answer["torch"] = torch.__version__
"""

ONNX = """
import numpy, onnx, onnxruntime
from onnx import TensorProto, helper
edge = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", [edge("x")], [edge("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
onnxruntime.set_default_logger_severity(4)
working = []
for provider in onnxruntime.get_available_providers():
    try:
        session = onnxruntime.InferenceSession(model, providers=[provider])
        session.run(None, {"x": numpy.zeros(2, numpy.float32)})
    except Exception:
        continue
    if provider in session.get_providers():
        working.append(provider)
answer["version"] = onnxruntime.__version__
answer["providers"] = working
"""

_FRAME = """
import json, os, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
answer = {}
try:
    exec(sys.argv[1])
except BaseException as error:
    answer = {"error": (str(error).strip().splitlines() or [type(error).__name__])[-1]}
out.write(json.dumps(answer))
out.flush()
# Some libraries crash while they are taken down; the answer is out already.
os._exit(0)
"""


@dataclass(frozen=True)
class Answer:
    """What a probe found.

    Attributes:
        ok: The probe ran to its end.
        found: What it wrote into `answer`.
        error: One line on why it did not.
    """

    ok: bool
    found: Mapping
    error: str = ""


def run_probe(python: Path, code: str, environ: Mapping[str, str] | None = None) -> Answer:
    """Runs a probe and never raises.

    Args:
        python: Interpreter of the environment.
        code: One of this module's programs.
        environ: Variables to set on top of ours.
    """
    try:
        # From `/`, because `launch/` of the repository would hide ROS's `launch`.
        done = subprocess.run(
            [python, "-c", _FRAME, code],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd="/",
            env={**os.environ, **(environ or {})},
        )
    except subprocess.TimeoutExpired:
        return Answer(False, {}, f"no answer within {TIMEOUT_S:.0f} s")
    except OSError as error:
        return Answer(False, {}, str(error))
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return Answer(False, {}, f"crashed with exit code {done.returncode}")
    problem = found.pop("error", "")
    return Answer(not problem, found, problem)
