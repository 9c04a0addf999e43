#!/usr/bin/env bash
# One expects a robot from a URDF to weigh the same alone and attached to a scene.
# Alone it is compiled with fusestatic: links on fixed joints melt into their parents, and those fixed to the world lose
# their mass and their names. Attached through MjSpec the parent's compiler settings count, and nothing melts.
# Seen with mujoco 3.17.0 on 2026-11-30.
# Instead: set spec.compiler.fusestatic = False on the URDF's spec before compiling it alone, or compare body by body.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mujoco==3.17.0 numpy==2.4.6

"$python" <<'PY'
import sys

import mujoco

INERTIAL = '<inertial><mass value="{}"/><inertia ixx="0.1" iyy="0.1" izz="0.1" ixy="0" ixz="0" iyz="0"/></inertial>'
URDF = f"""<robot name="arm">
  <link name="base">{INERTIAL.format(5)}</link>
  <link name="upper">{INERTIAL.format(2)}</link>
  <link name="hand">{INERTIAL.format(1)}</link>
  <joint name="elbow" type="continuous"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/></joint>
  <joint name="wrist" type="fixed"><parent link="upper"/><child link="hand"/></joint>
</robot>"""


def weigh(spec):
    model = spec.compile()
    return float(model.body_mass.sum()), [model.body(i).name for i in range(1, model.nbody)]


alone = mujoco.MjSpec.from_string(URDF)
scene = mujoco.MjSpec()
scene.attach(mujoco.MjSpec.from_string(URDF), frame=scene.worldbody.add_frame(), prefix="one/")
whole = mujoco.MjSpec.from_string(URDF)
whole.compiler.fusestatic = False

print("expected: links of 5, 2 and 1 kg weigh 8 kg")
seen = [weigh(spec) for spec in (alone, scene, whole)]
for way, (mass, bodies) in zip(("alone", "attached", "alone, fusestatic = False"), seen):
    print(f"seen: {way}: {mass:g} kg, bodies {bodies}")
if [mass for mass, _ in seen] != [3, 8, 8] or seen[0][1] != ["upper"]:
    sys.exit(f"changed: {seen}")
PY
