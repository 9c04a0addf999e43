"""Deployment: ONNX export with its contract, the runtime session, the safety filter."""
