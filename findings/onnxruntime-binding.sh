#!/usr/bin/env bash
# One expects the array from OrtValue.numpy() to keep the answer of the run it was taken after.
# It is a window on memory of the runtime, and the next run with the same binding writes into it. The other way round,
# ortvalue_from_numpy on a CPU takes no copy, so update_inplace writes into the array it was made of.
# Seen with onnxruntime 1.31.1 on 2026-11-30.
# Instead: numpy().copy(), or binding.copy_outputs_to_cpu(), for answers that outlive the next run; give
# ortvalue_from_numpy an array of its own.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6

"$python" <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

first = np.float32([1, 2])
given = onnxruntime.OrtValue.ortvalue_from_numpy(first)
binding = session.io_binding()
binding.bind_ortvalue_input("x", given)
binding.bind_output("y")

session.run_with_iobinding(binding)
window = binding.get_outputs()[0].numpy()
copied = binding.copy_outputs_to_cpu()[0]
print("expected: the answer to [1, 2] stays [2, 4]")
before = window.tolist()
given.update_inplace(np.float32([10, 20]))
session.run_with_iobinding(binding)
after, kept = window.tolist(), copied.tolist()
print("seen: numpy() after the first run", before, "and, the same array, after the second", after)
print("seen: copy_outputs_to_cpu() of the first run, after the second", kept)
print("expected: the array of the first question stays [1, 2]")
print("seen: after update_inplace", first.tolist())

seen = before, after, kept, first.tolist()
if seen != ([2, 4], [20, 40], [2, 4], [10, 20]):
    sys.exit(f"changed: {seen}")
PY
