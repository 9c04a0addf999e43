#!/usr/bin/env bash
# One expects a model made by onnx.helper.make_model to run in the onnxruntime that pip installs beside it.
# onnx stamps its own newest versions on the model, and onnxruntime is behind: it refuses the IR version first, and then
# the opset.
# Seen with onnx 1.23.2 (IR 14, opset 28) and onnxruntime 1.31.1 (up to 13 and 26) on 2026-11-30.
# Instead: pass ir_version and opset_imports to make_model, as old as what has to load the model.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6

"$python" <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])


def outcome(model):
    checker.check_model(model)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception as error:
        return "refused: " + ("IR version" if "IR version" in str(error) else "opset" if "Opset" in str(error) else "?")
    return session.run(None, {"x": np.float32([1, 2])})[0].tolist()


default = helper.make_model(graph)
stamped = default.ir_version, default.opset_import[0].version
old_ir = helper.make_model(graph, ir_version=8)
old_both = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
print("expected: the model of one Add answers [2, 4]")
print("seen: onnx.helper.make_model stamps IR %d, opset %d" % stamped)
seen = [outcome(model) for model in (default, old_ir, old_both)]
for what, answer in zip(("default", "ir_version=8", "ir_version=8, opset 17"), seen):
    print(f"seen: {what}: {answer}")
if stamped != (14, 28) or seen != ["refused: IR version", "refused: opset", [2, 4]]:
    sys.exit(f"changed: {stamped}, {seen}")
PY
