#!/usr/bin/env bash
# One expects a geom with mass="nan" to be refused, or to give a NaN mass that the compiler refuses.
# NaN is MuJoCo's own word for "not given": the mass is then that of the volume at the density of water. All that is said is a
# warning about the text, on standard error and in MUJOCO_LOG.TXT; nothing is raised.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: look for NaN in a file that others wrote before it is compiled.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

cd "$folder"
"$python" <<'PY'
import sys
import warnings

import mujoco

XML = '<mujoco><worldbody><body><freejoint/><geom type="box" size="0.1 0.1 0.1" {}/></body></worldbody></mujoco>'
raised = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    masses = []
    for given in ('mass="3"', 'mass="nan"', ""):
        try:
            masses.append(round(float(mujoco.MjModel.from_xml_string(XML.format(given)).body_mass[1]), 6))
        except ValueError as problem:
            raised.append(str(problem))
print("expected: a mass that is not a number is refused")
print("seen: mass 3, nan and none give", *masses, "kg; raised:", raised or "nothing; Python warnings:", len(caught))
if masses != [3.0, 8.0, 8.0] or raised:
    sys.exit(f"changed: {masses}, {raised}")
PY
