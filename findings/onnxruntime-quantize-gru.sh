#!/usr/bin/env bash
# One expects quantize_dynamic to make the weights of a GRU int8, as it does those of a MatMul and an LSTM, or to say that
# it cannot.
# The GRU stays float32, its file does not shrink, and what is logged is the same for all three.
# Seen with onnxruntime 1.31.1 on 2026-11-30.
# Instead: look at the types of the initializers, or the size of the file, after quantizing.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6

cd "$folder"
"$python" <<'PY'
import logging
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

SIZE = 64
random = np.random.default_rng(0)
said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


logging.getLogger().addHandler(Keep())


def weights(name, *shape):
    return numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)


def quantized(kind, *initializers, **attributes):
    """The types of the weights after quantizing, the file's size as a share of what it was, what was logged."""
    said.clear()
    node = helper.make_node(kind, ["x", *(one.name for one in initializers)], ["y"], **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 1, SIZE])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], kind, [x], [y], initializers)
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]), "in.onnx")
    quantize_dynamic("in.onnx", "out.onnx", weight_type=QuantType.QInt8)
    big = [one for one in onnx.load("out.onnx").graph.initializer if np.prod(one.dims) >= SIZE * SIZE]
    types = {TensorProto.DataType.Name(one.data_type) for one in big}
    return types, round(Path("out.onnx").stat().st_size / Path("in.onnx").stat().st_size, 1), tuple(said)


seen = {
    "MatMul": quantized("MatMul", weights("W", SIZE, SIZE)),
    "LSTM": quantized("LSTM", weights("W", 1, 4 * SIZE, SIZE), weights("R", 1, 4 * SIZE, SIZE), hidden_size=SIZE),
    "GRU": quantized("GRU", weights("W", 1, 3 * SIZE, SIZE), weights("R", 1, 3 * SIZE, SIZE), hidden_size=SIZE),
}
print("expected: int8 weights and a file of about 0.3 of the size, or a word that it cannot be done")
for kind, (types, share, _) in seen.items():
    print(f"seen: {kind}: {', '.join(types)}, {share} of the size")
words = {log for _, _, log in seen.values()}
print("seen: logged the same for all:", len(words) == 1)
sizes = {kind: (*types, share) for kind, (types, share, _) in seen.items()}
if sizes != {"MatMul": ("INT8", 0.3), "LSTM": ("INT8", 0.3), "GRU": ("FLOAT", 1.0)} or len(words) > 1:
    sys.exit(f"changed: {sizes}, {words}")
PY
