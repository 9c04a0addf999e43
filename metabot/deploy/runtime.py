"""Running an exported policy: ONNX Runtime on the provider that works."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import onnxruntime

from metabot.deploy.contract import PolicyContract, PolicyFileError

_FATAL_ONLY = 4
_TIMING_CALLS = 50


class PolicySession:
    """An ONNX policy, one thread, ready for a control loop.

    Attributes:
        contract: what the file says about itself.
        sha256: of the file.
        provider: the execution provider in use.
    """

    def __init__(self, source: Path | bytes, provider: str = "auto") -> None:
        """Load a policy.

        Args:
            source: the ONNX file, or its content.
            provider: ``auto`` takes what works, ``cpu`` or ``cuda`` insists.

        Raises:
            PolicyFileError: if the file is missing, damaged or no policy of metabot's.
        """
        name = "policy" if isinstance(source, bytes) else str(source)
        try:
            content = source if isinstance(source, bytes) else source.read_bytes()
        except OSError as error:
            raise PolicyFileError(f"{name}: {error.strerror}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        try:
            self._session = _fastest(content, options, usable_providers(provider))
        except Exception as error:
            # ONNX Runtime raises classes of its own that share no base but Exception.
            raise PolicyFileError(f"{name}: not a readable ONNX file ({str(error).splitlines()[0][:120]})") from None
        self.provider: str = self._session.get_providers()[0]
        self.contract = PolicyContract.from_metadata(self._session.get_modelmeta().custom_metadata_map, name)
        self.sha256 = hashlib.sha256(content).hexdigest()

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Mean actions (batch, action_size) for observations (batch, observation_size), float32."""
        return self._session.run(None, {"observation": observation})[0]


def usable_providers(wanted: str = "auto") -> list[str]:
    """The execution providers to try.

    `onnxruntime-gpu` lists CUDA on a machine without a GPU and complains loudly when it is
    asked for, so the GPU's device file is looked for first.

    Raises:
        PolicyFileError: if `wanted` is no known provider, or insisted on and absent.
    """
    cpu, cuda = "CPUExecutionProvider", "CUDAExecutionProvider"
    has_cuda = cuda in onnxruntime.get_available_providers() and Path("/dev/nvidiactl").exists()
    choices = {"auto": [cpu, cuda] if has_cuda else [cpu], "cpu": [cpu], "cuda": [cuda] if has_cuda else []}
    if wanted not in choices:
        raise PolicyFileError(f"provider: {wanted!r}; allowed: {', '.join(choices)}")
    if not choices[wanted]:
        raise PolicyFileError(f"provider: {wanted} was asked for and there is no CUDA device; allowed here: auto, cpu")
    return choices[wanted]


def _fastest(content: bytes, options: onnxruntime.SessionOptions, providers: list[str]) -> onnxruntime.InferenceSession:
    """A session on the provider that answers soonest: for a small network rarely the GPU."""
    timed = []
    for provider in providers:
        session = onnxruntime.InferenceSession(content, options, providers=[provider])
        if session.get_providers()[0] != provider:
            continue  # it fell back: its libraries are missing
        entry = session.get_inputs()[0]
        batch = {entry.name: np.zeros([size if isinstance(size, int) else 1 for size in entry.shape], np.float32)}
        times = []
        # The first run allocates what later ones use: not in a control loop.
        for _ in range(_TIMING_CALLS if len(providers) > 1 else 1):
            start = time.perf_counter()
            session.run(None, batch)
            times.append(time.perf_counter() - start)
        timed.append((min(times), session))
    if not timed:
        raise RuntimeError(f"none of {', '.join(providers)} could be started")
    return min(timed, key=lambda pair: pair[0])[1]
