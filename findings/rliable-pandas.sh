#!/usr/bin/env bash
# One expects `pip install rliable` to give something that can be imported.
# rliable 1.2.0 asks for arch below 8 and for any pandas. arch 7.2.0 asks for any pandas from 1.4 on, but calls a
# decorator whose arguments pandas 3 changed: importing rliable raises a TypeError. pip finds nothing wrong.
# Seen with rliable 1.2.0, arch 7.2.0 and pandas 3.1.1 on 2026-11-30.
# Instead: ask for pandas below 3 beside rliable.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install rliable==1.2.0 arch==7.2.0 pandas==3.1.1 numpy==2.4.6

try() { "$python" -c "import rliable.library" 2>&1 | tail -n 1; }

echo "expected: no error"
"$python" -m pip check
with_3=$(try || true)
echo "seen: import rliable.library with pandas 3.1.1: ${with_3:-no error}"
"$python" -m pip install --quiet --quiet pandas==2.3.3
with_2=$(try || true)
echo "seen: import rliable.library with pandas 2.3.3: ${with_2:-no error}"
if [[ $with_3 != TypeError:*deprecate_kwarg* || -n $with_2 ]]; then
    echo "changed: with pandas 3 '$with_3', with pandas 2 '$with_2'" >&2
    exit 1
fi
