#!/usr/bin/env bash
# One expects body.quat = q in an MjSpec to turn the body.
# Where the XML gave the orientation in another way (euler, axisangle, xyaxes, zaxis) that is kept beside the quaternion,
# and wins: the assignment reads back and does nothing.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: body.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT as well; body.ialt for the inertia.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco

XML = '<mujoco><worldbody><body name="base" {}><geom size="0.1"/></body></worldbody></mujoco>'


def turned(given, as_quaternion=False):
    spec = mujoco.MjSpec.from_string(XML.format(given))
    body = spec.body("base")
    body.quat = [1, 0, 0, 0]
    if as_quaternion:
        body.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    return [round(float(value), 3) for value in spec.compile().body("base").quat]


print("expected: after body.quat = [1, 0, 0, 0] the body is not turned")
seen = [turned('quat="0.7071 0 0 0.7071"'), turned('euler="0 0 90"'), turned('euler="0 0 90"', True)]
for way, quat in zip(("quat in the XML", "euler in the XML", "the same, alt.type set"), seen):
    print(f"seen: {way}: {quat}")
if seen != [[1, 0, 0, 0], [0.707, 0, 0, 0.707], [1, 0, 0, 0]]:
    sys.exit(f"changed: {seen}")
PY
