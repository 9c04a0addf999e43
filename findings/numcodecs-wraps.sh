#!/usr/bin/env bash
# One expects FixedScaleOffset to clip a value that is just out of the range of its integers, and to refuse NaN.
# The value wraps around without a word: 1.01 comes back as -1.01, and 2 as almost nothing. NaN and infinity come back as
# ordinary numbers; NumPy warns of those, and only of those.
# Seen with numcodecs 0.16.6 on 2026-11-30.
# Instead: numpy.clip before encoding, and numpy.isfinite over what is to be encoded.
set -euo pipefail
source "$(dirname "$0")/common.sh"
install numcodecs==0.16.6 numpy==2.4.6

"$python" <<'PY'
import sys
import warnings

import numpy as np
from numcodecs import FixedScaleOffset

signed = FixedScaleOffset(offset=0, scale=127, dtype="f4", astype="i1")
unsigned = FixedScaleOffset(offset=-1, scale=127.5, dtype="f4", astype="u1")


def back(codec, value):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            value = codec.decode(codec.encode(np.float32([value])))[0]
        except Exception:
            return "refused", True
    return round(float(value), 2), bool(said)


print("expected from filters for [-1, 1]: 1 for all that is above, NaN refused")
for value in (0.5, 1, 1.01, 2, np.nan, np.inf):
    print(f"seen: {value}: int8 {back(signed, value)[0]}, uint8 {back(unsigned, value)[0]}, warned {back(signed, value)[1]}")

seen = [back(codec, value) for codec in (signed, unsigned) for value in (1.01, 2)]
lost = [back(codec, value)[0] for codec in (signed, unsigned) for value in (np.nan, np.inf)]
if seen != [(-1.01, False), (-0.02, False), (-1, False), (-0.01, False)] or not set(lost) <= {0, -1}:
    sys.exit(f"changed: {seen}, {lost}")
PY
