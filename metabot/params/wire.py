"""Vectors as bytes with a checksum: what a message or a file carries."""

from __future__ import annotations

import zlib

import numpy as np

from metabot.params.layout import LayoutError


def encode_vector(vector: np.ndarray) -> tuple[bytes, int]:
    """Little-endian float32 bytes of a vector and their CRC-32."""
    data = np.ascontiguousarray(vector, dtype="<f4").tobytes()
    return data, zlib.crc32(data)


def decode_vector(data: bytes | bytearray | memoryview, checksum: int) -> np.ndarray:
    """The vector that `encode_vector` wrote.

    Raises:
        LayoutError: if the bytes were damaged or are no whole number of float32.
    """
    found = zlib.crc32(data)
    if found != checksum:
        raise LayoutError(f"checksum {found:08x} of the data is not the announced {checksum:08x}")
    if len(data) % 4:
        raise LayoutError(f"{len(data)} bytes are no whole number of float32")
    return np.frombuffer(data, dtype="<f4").astype(np.float32)
