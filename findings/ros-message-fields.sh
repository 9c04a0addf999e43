#!/usr/bin/env bash
# One expects an int in a float64 field to become a float or to be refused, an unknown field in a message's constructor to
# be refused, and 300 in a uint8 to be refused.
# None of it happens: the checks of the generated Python messages are off by default. The int arrives as the number that
# its bytes in memory spell, next to nothing; the misspelt field is dropped; 300 arrives as 44.
# Seen with ros-rclpy 9.1.2, ros-geometry-msgs and ros-std-msgs 5.5.1 on 2026-11-30.
# Instead: float(...) around every number, and ROS_PYTHON_CHECK_FIELDS=1 in tests, which turns the checks on.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install "ros-rclpy[fastrtps]==9.1.2" ros-geometry-msgs==5.5.1 ros-std-msgs==5.5.1 numpy==2.4.6

cat >"$folder/send.py" <<'PY'
import sys

from geometry_msgs.msg import Twist, Vector3
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import UInt8


def arrived(make):
    try:
        message = make()
        return deserialize_message(serialize_message(message), type(message))
    except Exception:
        return "refused"


def drive():
    twist = Twist()
    twist.linear.x = 1
    return twist


twist = arrived(drive)
vector = arrived(lambda: Vector3(xx=1.0))
small = arrived(lambda: UInt8(data=300))
print("  twist.linear.x = 1:", twist if twist == "refused" else twist.linear.x)
print("  Vector3(xx=1.0):", vector)
print("  UInt8(data=300):", small if small == "refused" else small.data)
if sys.argv[1] == "on":
    as_known = twist == vector == small == "refused"
else:
    as_known = "refused" not in (twist, vector, small)
    as_known = as_known and 0 < twist.linear.x < 1e-300 and vector == Vector3() and small.data == 44
if not as_known:
    sys.exit(f"changed, checks {sys.argv[1]}: {twist}, {vector}, {small}")
PY
echo "expected: 1.0 or refused, refused, refused"
echo "seen by default:"
env -u ROS_PYTHON_CHECK_FIELDS "$python" "$folder/send.py" off
echo "seen with ROS_PYTHON_CHECK_FIELDS=1:"
ROS_PYTHON_CHECK_FIELDS=1 "$python" "$folder/send.py" on
