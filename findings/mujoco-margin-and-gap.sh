#!/usr/bin/env bash
# In mujoco 3.3.7 a geom with margin="0.1" gap="0.1" reported contacts within 0.1 m without any force: force began at
# margin - gap, and of two geoms the larger values counted. One expects that still.
# Now force begins at margin, and contacts are reported up to margin + gap, so the geoms of such a model push each other
# apart before they touch. The values of the two geoms are added.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: margin="0" gap="0.1" for contacts that are reported within 0.1 m and push only when the geoms touch.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco

SCENE = """<mujoco><option gravity="0 0 0"/><worldbody>
  <geom type="sphere" size="0.1" {}/>
  <body><freejoint/><geom type="sphere" size="0.1" {}/></body>
</worldbody></mujoco>"""


def seen(first, second, distance):
    """What two spheres do whose surfaces are so far apart."""
    model = mujoco.MjModel.from_xml_string(SCENE.format(first, second))
    data = mujoco.MjData(model)
    data.qpos[0] = 0.2 + distance
    mujoco.mj_forward(model, data)
    if abs(data.qfrc_constraint).max() > 1e-6:
        return "force"
    return "contact" if data.ncon else "nothing"


OLD, NEW = 'margin="0.1" gap="0.1"', 'margin="0" gap="0.1"'
CASES = [
    (OLD, "", 0.05, "contact", "force"),
    (OLD, "", 0.15, "nothing", "contact"),
    (OLD, "", 0.25, "nothing", "nothing"),
    (OLD, OLD, 0.15, "nothing", "force"),
    (OLD, OLD, 0.35, "nothing", "contact"),
    (NEW, "", 0.05, "nothing", "contact"),
    (NEW, "", 0.15, "nothing", "nothing"),
    (NEW, NEW, 0.15, "nothing", "contact"),
]
changed = []
for first, second, distance, expected, known in CASES:
    now = seen(first, second, distance)
    who = "both geoms" if second else "one geom"
    print(f"{first} on {who}, {distance} m apart: expected {expected}, seen {now}")
    if now != known:
        changed.append(f"{first} on {who} at {distance} m: {now}")
if changed:
    sys.exit("changed: " + "; ".join(changed))
PY
