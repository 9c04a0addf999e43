"""Running an exported policy: ONNX Runtime on the provider that works."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime

from metabot.deploy.contract import (
    ACTION,
    FIRST,
    LAST_ACTION,
    LAST_REWARD,
    OBSERVATION,
    RESET,
    PolicyContract,
    PolicyFileError,
)

_FATAL_ONLY = 4
_TIMING_CALLS = 50


@dataclass(frozen=True)
class Memory:
    """What goes from step to step beside the observation, for a batch of robots.

    Attributes:
        state: arrays by their names in the contract.
        last_action: (batch, actions), the command before.
        first: whether an episode begins with the next step.
        reset: whether everything is forgotten before it.
    """

    state: Mapping[str, np.ndarray]
    last_action: np.ndarray
    first: bool = True
    reset: bool = True

    def next_episode(self) -> Memory:
        """The same knowledge at the start of another episode: what was learned in context stays."""
        return replace(self, first=True)


class PolicySession:
    """An ONNX policy, one thread, ready for a control loop.

    A policy without a memory acts by `act`. Any policy acts by `begin` and `step`:

        memory = session.begin(1)
        while driving:
            action, memory = session.step(observation, memory, reward)

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
            # By its path a file finds weights that lie beside it.
            whole = content if isinstance(source, bytes) else str(source)
            self._session = _fastest(whole, options, usable_providers(provider))
        except Exception as error:
            # ONNX Runtime raises classes of its own that share no base but Exception.
            if missing := _missing_beside(content, source):
                raise PolicyFileError(f"{name}: its weights are in {missing}, which is not beside it") from None
            said = str(error).splitlines()[0]
            # Before the reason stands the path, which is long and named already.
            reason = said.partition("failed:")[2] or said
            raise PolicyFileError(f"{name}: not a readable ONNX file ({reason[:160]})") from None
        self.provider: str = self._session.get_providers()[0]
        self.contract = PolicyContract.from_metadata(self._session.get_modelmeta().custom_metadata_map, name)
        self.sha256 = hashlib.sha256(content).hexdigest()
        _check_graph(self._session, self.contract, name)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Mean actions (batch, action_size) for observations (batch, observation_size), float32.

        Raises:
            PolicyFileError: if the policy has a memory; one line.
        """
        if self.contract.state:
            raise PolicyFileError("policy: it has a memory, which act() would lose; allowed: begin() and step()")
        return self._session.run(None, {OBSERVATION: observation})[0]

    def begin(self, batch: int = 1) -> Memory:
        """A memory of nothing but what the policy was exported with."""
        state = {entry.name: np.zeros((batch, *entry.shape), np.float32) for entry in self.contract.state}
        return Memory(state, np.zeros((batch, len(self.contract.action)), np.float32))

    def step(
        self,
        observation: np.ndarray,
        memory: Memory,
        reward: np.ndarray | None = None,
        carried_out: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Memory]:
        """Act once.

        Args:
            observation: (batch, observations) float32, as the contract's terms say.
            memory: of the step before, or a first one.
            reward: (batch,) that the last action brought, for policies that read rewards; at the first step of
                all it is not read.
            carried_out: (batch, actions), the last action as the robot carried it out, where something changed
                it on the way; what was commanded by default.

        Returns:
            (batch, actions) in [-1, 1], and the memory after it.

        Raises:
            PolicyFileError: if a reward is missing; one line.
        """
        contract, batch = self.contract, len(observation)
        feed = {OBSERVATION: observation}
        if contract.state:
            if reward is None and contract.reads_reward and not memory.reset:
                raise PolicyFileError("reward: none, but this policy reads rewards; allowed: one for each robot")
            given = {
                LAST_ACTION: memory.last_action if carried_out is None else carried_out,
                LAST_REWARD: np.zeros(batch) if reward is None else reward,
                FIRST: np.full(batch, float(memory.first)),
                RESET: np.full(batch, float(memory.reset)),
            }
            feed |= {name: np.asarray(given[name], np.float32) for name in contract.inputs[1:]}
            feed |= memory.state
        action, *after = self._session.run(None, feed)
        state = {entry.name: array for entry, array in zip(contract.state, after, strict=True)}
        return action, Memory(state, action, first=False, reset=False)


def _check_graph(session: onnxruntime.InferenceSession, contract: PolicyContract, name: str) -> None:
    """Refuse a graph that does not do what its contract says: it would drive by the wrong numbers."""
    sizes = {OBSERVATION: [len(contract.observation)], LAST_ACTION: [len(contract.action)]}
    wanted = {each: sizes.get(each, []) for each in contract.inputs}
    wanted |= {entry.name: list(entry.shape) for entry in contract.state}
    promised = {ACTION: [len(contract.action)]} | {entry.output: list(entry.shape) for entry in contract.state}
    for what, arrays, expected in (
        ("input", session.get_inputs(), wanted),
        ("output", session.get_outputs(), promised),
    ):
        found = {each.name: each for each in arrays}
        if list(found) != list(expected):
            raise PolicyFileError(f"{name}: {what}s {', '.join(found)}; its contract says {', '.join(expected)}")
        for each, shape in expected.items():
            if found[each].type != "tensor(float)" or list(found[each].shape[1:]) != shape:
                raise PolicyFileError(
                    f"{name}: {what} {each} is {found[each].type} of {found[each].shape[1:]} a robot;"
                    f" its contract says tensor(float) of {shape}"
                )


def _missing_beside(content: bytes, source: Path | bytes) -> str:
    """A file with weights that a graph wants and that is not there; empty if there is none such."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    try:
        model = onnx.load_from_string(content)
    except Exception:  # no graph at all
        return ""
    beside = {ExternalDataInfo(each).location for each in model.graph.initializer if uses_external_data(each)}
    absent = [name for name in sorted(beside) if isinstance(source, bytes) or not (source.parent / name).exists()]
    return ", ".join(absent)


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


def _fastest(
    content: bytes | str, options: onnxruntime.SessionOptions, providers: list[str]
) -> onnxruntime.InferenceSession:
    """A session on the provider that answers soonest: for a small network rarely the GPU."""
    timed = []
    for provider in providers:
        session = onnxruntime.InferenceSession(content, options, providers=[provider])
        if session.get_providers()[0] != provider:
            continue  # it fell back: its libraries are missing
        batch = {
            entry.name: np.zeros([size if isinstance(size, int) else 1 for size in entry.shape], np.float32)
            for entry in session.get_inputs()
        }
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
