#!/usr/bin/env bash
# One expects the writer to refuse a message with a field that its definition does not have, or without one that it has.
# It drops the one and writes zero for the other: a misspelt field becomes a zero in the recording.
# Seen with mcap-ros2-support 0.6.0 and mcap 1.6.0 on 2026-11-30.
# Instead: compare the fields with the definition before writing, or build the message from a generated class that checks.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install mcap-ros2-support==0.6.0 mcap==1.6.0

"$python" <<'PY'
import io
import sys

from mcap_ros2.reader import read_ros2_messages
from mcap_ros2.writer import Writer


def recorded(fields):
    file = io.BytesIO()
    writer = Writer(file)
    schema = writer.register_msgdef("geometry_msgs/msg/Vector3", "float64 x\nfloat64 y\nfloat64 z")
    try:
        writer.write_message("/where", schema, fields, log_time=0, publish_time=0)
    except Exception as error:
        return "refused:", error
    writer.finish()
    file.seek(0)
    (read,) = read_ros2_messages(file)
    return read.ros_msg.x, read.ros_msg.y, read.ros_msg.z


print("expected: y refused or 2")
spelt = recorded({"x": 1.0, "y": 2.0, "z": 3.0})
print("seen: y written as 'y':", *spelt)
misspelt = recorded({"x": 1.0, "why": 2.0, "z": 3.0})
print("seen: y written as 'why':", *misspelt)
if spelt != (1, 2, 3) or misspelt != (1, 0, 3):
    sys.exit(f"changed: {spelt}, {misspelt}")
PY
