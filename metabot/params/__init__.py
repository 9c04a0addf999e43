"""Parameters: one flat float32 vector with a named layout, everywhere."""

from metabot.params.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from metabot.params.layout import Layout, LayoutError
from metabot.params.origin import Origin
from metabot.params.wire import decode_vector, encode_vector

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Layout",
    "LayoutError",
    "Origin",
    "decode_vector",
    "encode_vector",
    "load_checkpoint",
    "save_checkpoint",
]
