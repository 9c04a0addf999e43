"""`CPUBatch`: MuJoCo's own batch, with a start that costs no more than its state."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from mujoco.batch import Batch


class CPUBatch(Batch):
    """`mujoco.batch.Batch`, persistent, whose `reset` writes the state rows.

    `mj_resetData` clears all of an `MjData`'s memory, which takes longer than a step of one robot.
    A row is all that the next stages are computed from, so copying the model's own row is the same;
    but where objects may sleep: who sleeps, and since when, stands in no row.
    """

    def __init__(self, model: mujoco.MjModel, nsim: int, nthread: int = 0) -> None:
        """Allocate the simulations; they stand at the model's defaults."""
        super().__init__(model, nsim, nthread, persistent=True)
        self._default_row = self.state[0].copy()
        self._sleeps = bool(model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP)

    def reset(
        self, ids: np.ndarray | None = None, keyframe: Any = -1, stage: int = int(mujoco.mjtStage.mjSTAGE_ACC)
    ) -> None:
        """See `mujoco.batch.Batch.reset`."""
        if self._sleeps or np.any(np.asarray(keyframe) != -1):
            super().reset(ids, keyframe, stage)
            return
        self.state[slice(None) if ids is None else ids] = self._default_row
        if int(stage) != int(mujoco.mjtStage.mjSTAGE_NONE):
            self.forward(ids, stage)
