#!/usr/bin/env bash
# One expects dm_control to come with a mujoco that it can use.
# dm_control 1.0.50 asks for mujoco 3.17.0 or newer, and pip takes 4.0.0. With that one no environment can be loaded: it
# reads a field of the model that is there no more. pip check finds nothing wrong.
# Seen with dm_control 1.0.50 and mujoco 4.0.0 on 2026-11-30.
# Instead: ask for mujoco==3.17.0 beside it.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install dm_control==1.0.50 mujoco==4.0.0 numpy==2.4.6

cat >"$folder/load.py" <<'PY'
from dm_control import suite

try:
    suite.load("cartpole", "swingup").reset()
    print("loaded")
except Exception as error:
    print(f"{type(error).__name__}:", str(error).split(".")[0])
PY
export MUJOCO_GL=disable
echo "expected: loaded"
"$python" -m pip check
with_4=$("$python" "$folder/load.py")
echo "seen: suite.load with mujoco 4.0.0: $with_4"
"$python" -m pip install --quiet --quiet mujoco==3.17.0
with_3=$("$python" "$folder/load.py")
echo "seen: suite.load with mujoco 3.17.0: $with_3"
if [[ $with_4 != AttributeError:* || $with_3 != loaded ]]; then
    echo "changed: with mujoco 4.0.0 '$with_4', with mujoco 3.17.0 '$with_3'" >&2
    exit 1
fi
