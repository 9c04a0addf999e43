#!/usr/bin/env bash
# One expects a joint's damping in an MjSpec to be one number: joint.damping = 2, or damping[:] = 2, gives -2 N m per rad/s.
# It is three: the coefficients of the speed, its square and its cube. The number alone raises a TypeError, and
# damping[:] = 2 sets all three, so that the force grows with the third power of the speed.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: add_joint(damping=2), or damping[0] = 2. model.dof_damping is the first coefficient, dof_dampingpoly the others.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco


def hinge(**fields):
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body()
    body.add_geom(size=[0.1, 0, 0])
    return spec, body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], **fields)


def torque(spec, speed):
    model = spec.compile()
    data = mujoco.MjData(model)
    data.qvel[0] = speed
    mujoco.mj_forward(model, data)
    return round(float(data.qfrc_passive[0]), 6)


print("expected: each way of saying 2 gives a torque of -2 at 1 rad/s and of -6 at 3 rad/s")
spec, _ = hinge(damping=2)
named = torque(spec, 1), torque(spec, 3)
print("seen: add_joint(damping=2)", *named)

spec, joint = hinge()
try:
    joint.damping = 2
    raised = "nothing"
except TypeError:
    raised = "TypeError"
print("seen: joint.damping = 2 raises", raised)

joint.damping[:] = 2
sliced = torque(spec, 1), torque(spec, 3)
model = spec.compile()
print("seen: joint.damping[:] = 2", *sliced, "dof_damping", *model.dof_damping, "dof_dampingpoly", *model.dof_dampingpoly[0])

if named != (-2, -6) or raised != "TypeError" or sliced != (-6, -78):
    sys.exit(f"changed: add_joint {named}, joint.damping = 2 raises {raised}, damping[:] = 2 {sliced}")
PY
