"""`WarpBatch`: many simulations on MuJoCo Warp, with the interface of `mujoco.batch.Batch`.

The arrays that users hold live on the host; a call copies what has changed to the device, runs
there, and copies the bound fields back. Warp computes in 32-bit floats: trajectories agree with
those of the CPU for a while, not for ever.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import mujoco
import numpy as np

_STATE = (
    "time",
    "qpos",
    "qvel",
    "act",
    "qacc_warmstart",
    "ctrl",
    "qfrc_applied",
    "xfrc_applied",
    "eq_active",
    "mocap_pos",
    "mocap_quat",
)
_INPUTS = frozenset({"ctrl", "qfrc_applied", "xfrc_applied", "qacc_warmstart", "time"})
"""State that the stages up to mjSTAGE_VEL do not read."""

_CONSTANTS = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "tendon_length0",
    "tendon_invweight0",
    "actuator_acc0",
    "eq_data",
    "geom_rbound",
    "geom_aabb",
    "geom_size",
)
"""What `set_const` writes."""

_BUFFERS = {
    "NEFC": "njmax",
    "NJMAX_NNZ": "njmax",
    "BROADPHASE": "nconmax",
    "NARROWPHASE": "nconmax",
    "CCD": "nconmax",
    "CONTACT_MATCH": "nconmax",
}
"""Overflows that Warp marks, and the setting that is too small."""

_LARGEST = 1e10
"""mjMAXVAL: a state beyond has diverged."""


class WarpOverflowWarning(RuntimeWarning):
    """Contacts or constraints did not fit into Warp's buffers, and acted on nothing."""


def _modules() -> tuple[Any, Any]:
    try:
        import warp

        # It prints a line for each of some hundred kernels.
        warp.config.quiet = True
        import mujoco_warp
    except ImportError as problem:
        raise ValueError(f"backend: 'warp' needs the extra `warp` (pip install 'metabot[warp]'): {problem}") from None
    return warp, mujoco_warp


class WarpBatch:
    """`nsim` simulations of one model on one device.

    Attributes:
        model: the model.
        nsim: how many simulations.
        device: Warp's name of the device, such as ``cuda:0`` or ``cpu``.
        overflows: (nsim,) calls in which contacts or constraints of a simulation did not fit.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        nsim: int,
        *,
        device: str | None = None,
        nconmax: int | None = None,
        njmax: int | None = None,
    ) -> None:
        """Allocate the simulations.

        Args:
            model: the model; copied to the device.
            nsim: number of simulations.
            device: Warp's name of a device; a GPU where there is one by default.
            nconmax: contacts per simulation that there is memory for, pooled; by default 2 for
                each geom that collides and at least 32.
            njmax: constraints of any one simulation that there is memory for; by default 4 times as many.

        Raises:
            ValueError: if MuJoCo Warp is not installed or cannot simulate the model; one line.
        """
        self._wp, self._mjw = _modules()
        if model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP:
            # Warp keeps everything awake: it only costs time.
            model = copy.copy(model)
            model.opt.enableflags &= ~mujoco.mjtEnableBit.mjENBL_SLEEP
        self.model, self.nsim = model, nsim
        self.device = str(self._wp.get_device(device) if device else self._wp.get_preferred_device())
        usual = max(32, 2 * int(np.count_nonzero(model.geom_contype | model.geom_conaffinity)))
        self.nconmax, self.njmax = nconmax or usual, njmax or 4 * usual
        with self._wp.ScopedDevice(self.device):
            try:
                self._m = self._mjw.put_model(model)
            except NotImplementedError as problem:
                raise ValueError(f"backend: 'warp' cannot simulate this scene: {problem}") from None
            self._d = self._mjw.make_data(model, nworld=nsim, nconmax=self.nconmax, njmax=self.njmax)
            # Reported by `_check_buffers`: the device would print a line in each substep.
            self._m.opt.warn_overflow = 0
        self._template = mujoco.MjData(model)
        self._host: dict[str, np.ndarray] = {}
        self._sent: dict[str, np.ndarray] = {}
        self._fields: dict[str, np.ndarray] = {}
        self._sent_fields: dict[str, np.ndarray] = {}
        self._current = False
        self._graphs: dict[tuple[bool, int, bool], Any] = {}
        self._late = _late_sensors(model)
        self._buffer_bits = {int(self._mjw.OverflowType[name]): name for name in _BUFFERS}
        self._warned: set[str] = set()
        self.overflows = np.zeros(nsim, dtype=np.int64)
        for name in ("time", "qpos", "qvel"):
            self.bind(name)

    def bind(self, name: str) -> np.ndarray:
        """See `mujoco.batch.Batch.bind`.

        Raises:
            ValueError: if Warp has no such field.
        """
        if name not in self._host:
            source = getattr(self._d, name, None)
            if source is None:
                raise ValueError(f"backend: 'warp' has no field {name!r}")
            like = np.asarray(getattr(self._template, name))
            self._host[name] = np.empty((self.nsim, *like.shape), like.dtype)
            self._host[name][...] = source.numpy().reshape(self._host[name].shape)
            if name in _STATE:
                self._sent[name] = self._host[name].copy()
            else:
                self._host[name].flags.writeable = False
        return self._host[name]

    def expand(self, name: str) -> np.ndarray:
        """See `mujoco.batch.Batch.expand`.

        Raises:
            ValueError: if it cannot differ between simulations.
        """
        if name not in self._fields:
            values = np.asarray(getattr(self.model, name))
            self._widen(name)
            self._fields[name] = np.repeat(values[None], self.nsim, axis=0)
            self._sent_fields[name] = self._fields[name].copy()
        return self._fields[name]

    def _widen(self, name: str) -> None:
        """Give every simulation values of its own of a model field, on the device."""
        old = getattr(self._m, name, None)
        if old is None or not getattr(old, "_is_batched", False):
            raise ValueError(f"backend: 'warp' has no {name!r} per simulation")
        if old.shape[0] == self.nsim or not old.size:
            return
        new = self._wp.array(np.repeat(old.numpy()[:1], self.nsim, axis=0), dtype=old.dtype, device=self.device)
        new._is_batched = True
        setattr(self._m, name, new)
        self._graphs.clear()

    def set_const(self, ids: np.ndarray | None = None) -> None:
        """See `mujoco.batch.Batch.set_const`; it is done for all simulations."""
        with self._wp.ScopedDevice(self.device):
            for name in _CONSTANTS:
                self._widen(name)
            self._upload()
            self._mjw.set_const(self._m, self._d)
        self._current = False

    def step(self, ids: np.ndarray | None = None, *, nstep: int = 1, stage: int = 0) -> None:
        """See `mujoco.batch.Batch.step`; a simulation whose state is not finite is put to the defaults.

        All are advanced, whichever are given: a step of Warp is one of the whole batch.
        """
        finish = int(stage) >= int(mujoco.mjtStage.mjSTAGE_POS)
        with self._wp.ScopedDevice(self.device):
            self._upload()
            late = "sensordata" in self._host and finish and self._late.any()
            self._advance(nstep, finish and not late)
            if late:
                # The stages after the step would wipe out what the step's accelerations gave.
                values = self._d.sensordata.numpy().copy()
                self._mjw.step1(self._m, self._d)
            if int(stage) >= int(mujoco.mjtStage.mjSTAGE_ACC):
                self._mjw.forward(self._m, self._d)
            self._current = finish
            self._download()
        if late:
            self._host["sensordata"].flags.writeable = True
            self._host["sensordata"][:, self._late] = values[:, self._late]
            self._host["sensordata"].flags.writeable = False
        self._check_buffers()
        lost = ~(np.abs(self._host["qpos"]) < _LARGEST).all(1) | ~(np.abs(self._host["qvel"]) < _LARGEST).all(1)
        if lost.any():
            self.reset(np.flatnonzero(lost), stage=mujoco.mjtStage.mjSTAGE_NONE)

    def _advance(self, nstep: int, finish: bool) -> None:
        key = (self._current, nstep, finish)
        graph = self._graphs.get(key)
        if graph:
            self._wp.capture_launch(graph)
            return
        if graph is None or not self.device.startswith("cuda"):
            # The first time kernels are compiled, which cannot be recorded.
            self._substeps(*key)
            self._graphs[key] = False
            return
        with self._wp.ScopedCapture() as capture:
            self._substeps(*key)
        self._graphs[key] = capture.graph
        self._wp.capture_launch(capture.graph)

    def _substeps(self, current: bool, nstep: int, finish: bool) -> None:
        for substep in range(nstep):
            if substep or not current:
                self._mjw.step1(self._m, self._d)
            self._mjw.step2(self._m, self._d)
        if finish:
            self._mjw.step1(self._m, self._d)

    def reset(self, ids: np.ndarray | None = None, *, stage: int = 3) -> None:
        """See `mujoco.batch.Batch.reset`."""
        rows = np.arange(self.nsim) if ids is None else np.asarray(ids)
        mask = np.zeros(self.nsim, dtype=bool)
        mask[rows] = True
        with self._wp.ScopedDevice(self.device):
            self._mjw.reset_data(self._m, self._d, self._wp.array(mask, dtype=bool))
        for name, sent in self._sent.items():
            sent[rows] = self._host[name][rows] = getattr(self._template, name)
            if name == "qpos":
                sent[rows] = self._host[name][rows] = self.model.qpos0
        self._current = False
        if int(stage) != int(mujoco.mjtStage.mjSTAGE_NONE):
            self.forward(rows, stage=stage)

    def forward(self, ids: np.ndarray | None = None, *, stage: int = 3) -> None:
        """See `mujoco.batch.Batch.forward`; the bound fields of other simulations are left as they are."""
        rows = slice(None) if ids is None else np.asarray(ids)
        with self._wp.ScopedDevice(self.device):
            self._upload()
            whole = int(stage) >= int(mujoco.mjtStage.mjSTAGE_ACC)
            (self._mjw.forward if whole else self._mjw.step1)(self._m, self._d)
            self._current = True
            self._download(rows)
        self._check_buffers()

    def get_data(self, sim: int, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """See `mujoco.batch.Batch.get_data`; what derives from the state is computed on the host."""
        data = data or mujoco.MjData(self.model)
        for name in _STATE:
            target = getattr(data, name)
            if name in self._host and name != "time":
                target[...] = self._host[name][sim]
            elif np.size(target) and name != "time":
                target[...] = getattr(self._d, name).numpy()[sim].reshape(np.shape(target))
        data.time = float(self._host["time"][sim])
        mujoco.mj_forward(self.get_model(sim) if self._fields else self.model, data)
        return data

    def get_model(self, sim: int, model: mujoco.MjModel | None = None) -> mujoco.MjModel:
        """See `mujoco.batch.Batch.get_model`."""
        model = model or copy.copy(self.model)
        for name, values in self._fields.items():
            getattr(model, name)[...] = values[sim]
        if self._fields:
            mujoco.mj_setConst(model, mujoco.MjData(model))
        return model

    def _upload(self) -> None:
        for name, sent in self._sent.items():
            host = self._host[name]
            if not np.array_equal(host, sent):
                _write(getattr(self._d, name), host)
                sent[...] = host
                self._current &= name in _INPUTS
        for name, sent in self._sent_fields.items():
            host = self._fields[name]
            if not np.array_equal(host, sent):
                _write(getattr(self._m, name), host)
                sent[...] = host
                self._current = False

    def _download(self, rows: slice | np.ndarray = slice(None)) -> None:
        for name, host in self._host.items():
            values = getattr(self._d, name).numpy().reshape(host.shape)
            if name in _STATE:
                host[rows] = values[rows]
                self._sent[name][rows] = host[rows]
            else:
                host.flags.writeable = True
                host[rows] = values[rows]
                host.flags.writeable = False

    def _check_buffers(self) -> None:
        """Count simulations whose contacts or constraints did not fit, and say once which setting to raise."""
        marks = self._d.overflow.numpy()
        if not marks.any():
            return
        short: dict[str, np.ndarray] = {}
        for bit, name in self._buffer_bits.items():
            hit = (marks & bit) != 0
            if hit.any():
                setting = _BUFFERS[name]
                short[setting] = short.get(setting, np.zeros(self.nsim, dtype=bool)) | hit
        self._d.overflow.zero_()
        for hit in short.values():
            self.overflows += hit
        for setting in short.keys() - self._warned:
            self._warned.add(setting)
            present = getattr(self, setting)
            warnings.warn(
                f"backend: 'warp' dropped contacts in {int(short[setting].sum())} of {self.nsim} simulations; raise "
                f"{setting} from {present}: backend=functools.partial(WarpBatch, {setting}={2 * present})",
                WarpOverflowWarning,
                stacklevel=3,
            )


def _late_sensors(model: mujoco.MjModel) -> np.ndarray:
    """(nsensordata,) bool: what is computed from accelerations."""
    late = np.zeros(model.nsensordata, dtype=bool)
    for sensor in np.flatnonzero(model.sensor_needstage == int(mujoco.mjtStage.mjSTAGE_ACC)):
        late[model.sensor_adr[sensor] : model.sensor_adr[sensor] + model.sensor_dim[sensor]] = True
    return late


def _write(target: Any, values: np.ndarray) -> None:
    shape = target.numpy().shape if target.device.is_cpu else _host_shape(target)
    dtype = np.bool_ if target.dtype.__name__ == "bool" else np.float32
    target.assign(np.ascontiguousarray(values.reshape(shape), dtype=dtype))


def _host_shape(array: Any) -> tuple[int, ...]:
    """Shape of a Warp array with vectors and matrices as further axes."""
    return (*array.shape, *getattr(array.dtype, "_shape_", ()))
