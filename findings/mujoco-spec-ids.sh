#!/usr/bin/env bash
# One expects the id of an MjSpec element to stay valid for the model that was compiled, while the spec is edited for the next.
# Adding any element sets the ids of all elements to -1. model.body_mass[body.id] then reads the last body in silence,
# since numpy counts -1 from the end.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: keep {element.id: element} right after compiling, or go by names.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco

spec = mujoco.MjSpec()
cart = spec.worldbody.add_body(name="cart")
cart.add_geom(size=[0.1, 0, 0], mass=3)
wheel = cart.add_body(name="wheel")
wheel.add_geom(size=[0.1, 0, 0], mass=0.2)
wheel.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 1, 0])
model = spec.compile()
before = (cart.id, float(model.body_mass[cart.id]))
cart.add_freejoint()
after = (cart.id, float(model.body_mass[cart.id]))
print("expected: the cart of the compiled model has id 1 and weighs 3 kg, whatever is added to the spec for the next one")
print("seen: before a joint is added: id", before[0], "mass", before[1])
print("seen: after: id", after[0], "mass", after[1])
if before != (1, 3.0) or after != (-1, 0.2):
    sys.exit(f"changed: {before}, {after}")
PY
