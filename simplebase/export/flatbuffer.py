"""Packs the content of a `.tflite` file, without TensorFlow."""

from typing import Any

import flatbuffers
import numpy as np


class _AlignedBuilder(flatbuffers.Builder):
    """Aligns buffers to 16 bytes, as the format's schema requires.

    Python's own builder aligns only to the size of the numbers. Kernels that load vectors may rely
    on more.
    """

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802 - the name of the base
        """Writes an array as a vector."""
        if x.dtype != np.uint8:
            return super().CreateNumpyVector(x)
        self.StartVector(1, x.size, 16)
        self.head -= x.size
        self.Bytes[self.head : self.head + x.size] = x.tobytes()
        self.vectorNumElems = x.size
        return self.EndVector()


def packed(content: Any) -> bytes:
    """Returns the file's bytes.

    Args:
        content: a `ModelT` of the schema of `ai_edge_litert`.
    """
    builder = _AlignedBuilder()
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())
