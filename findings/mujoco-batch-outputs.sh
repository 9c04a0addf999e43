#!/usr/bin/env bash
# One expects batch.bind("sensordata") to hold the sensors' values once the batch was stepped, and an edit of batch.model
# to change the simulations, as an edit of a model changes mj_step.
# An output of a batch without persistent=True is only filled by a call made after it was bound, and only for the
# simulations of that call; until then it is zeros. batch.model is the model that was passed, but the batch runs a copy
# of it, so an edit shows there and does nothing.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: bind first, then call forward() for all simulations, or pass persistent=True. Edit the model before the batch
# is made, or write into batch.expand(field).
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco
import mujoco.batch

model = mujoco.MjModel.from_xml_string("""<mujoco>
  <worldbody><body pos="0 0 1"><freejoint/><geom size="0.1"/><site name="here"/></body></worldbody>
  <sensor><framepos objtype="site" objname="here"/></sensor>
</mujoco>""")
batch = mujoco.batch.Batch(model, 2, nthread=1)
batch.step()
heights = batch.bind("sensordata")[:, 2]

print("expected: the sensor says about 1 m in both simulations after a step")
after_step = heights.tolist()
print("seen: bound after the step", after_step)
batch.forward(ids=[0])
after_first = heights.round(2).tolist()
print("seen: then after forward(ids=[0])", after_first)
batch.forward()
after_all = heights.round(2).tolist()
print("seen: then after forward()", after_all)

keeping = mujoco.batch.Batch(model, 2, nthread=1, persistent=True)
keeping.step()
kept = keeping.bind("sensordata")[:, 2].round(2).tolist()
print("seen: with persistent=True, bound after the step", kept)

print("expected: without gravity the speed stays 0")
batch.reset()
batch.model.opt.gravity[:] = 0
batch.step()
speed = round(float(batch.bind("qvel")[0, 2]), 5)
ours, runs = float(batch.model.opt.gravity[2]), float(batch.get_model(0).opt.gravity[2])
print("seen: batch.model.opt.gravity", ours, "get_model(0).opt.gravity", runs, "speed after a step", speed)

seen = after_step, after_first, after_all, kept, ours, runs, speed
if seen != ([0, 0], [1, 0], [1, 1], [1, 1], 0, -9.81, -0.01962):
    sys.exit(f"changed: {seen}")
PY
