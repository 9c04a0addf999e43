#!/usr/bin/env bash
# One expects that all tensors of a model may lie in a file beside it: onnx.save_model offers size_threshold=0 for that, and a
# runtime that reads weights from there reads any tensor.
# Tensors that shapes depend on (how Split cuts, for instance) are needed before anything beside the model is read: the file that
# was written is accepted by onnx.checker and refused by ONNX Runtime; under the default threshold of 1,024 bytes it loads.
# Seen with onnx 1.23.2 and onnxruntime 1.31.1 on 2026-12-01.
# Instead: keep small tensors in the model; name the companion that is missing apart from a model that cannot be read.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6

cd "$folder"
"$python" <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

parts = numpy_helper.from_array(np.array([1, 2], np.int64), "parts")
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [size]) for name, size in (("a", 1), ("b", 2))]
start = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])
graph = helper.make_graph([helper.make_node("Split", ["x", "parts"], ["a", "b"], axis=0)], "g", [start], ends, [parts])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
seen = {}
for threshold in (1024, 0):
    path = f"model-{threshold}.onnx"
    copy = onnx.load_from_string(model.SerializeToString())
    onnx.save_model(copy, path, save_as_external_data=True, location=f"{path}.data", size_threshold=threshold)
    onnx.checker.check_model(path)
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        first, rest = session.run(None, {"x": np.arange(3, dtype=np.float32)})
        seen[threshold] = f"runs, {first.tolist()} and {rest.tolist()}"
    except Exception as problem:  # classes of its own that share no base
        seen[threshold] = "cannot parse external tensors" if "external tensors" in str(problem) else str(problem)
print("expected: both files, which the checker accepts, run")
for threshold, what in seen.items():
    print(f"seen: size_threshold={threshold}: {what}")
if seen != {1024: "runs, [0.0] and [1.0, 2.0]", 0: "cannot parse external tensors"}:
    sys.exit(f"changed: {seen}")
PY
