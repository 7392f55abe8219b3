"""Videos of variable frame rate, made from what OpenCV writes: it writes none itself."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from coloured_dots import write_video

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
# Where the 32-bit duration is in the payload of a version 0 box (ISO/IEC 14496-12).
_DURATIONS = {b"mvhd": 16, b"mdhd": 16, b"tkhd": 20, b"elst": 8}
_TIMESCALE = 12


def write_variable(path: Path, images: Sequence[np.ndarray], durations: Sequence[float]) -> Path:
    """An MP4 whose frames last as long as is said, in seconds; 0 repeats a time stamp."""
    data = write_video(path, images).read_bytes()
    path.write_bytes(with_durations(data, durations))
    return path


def with_durations(data: bytes, durations: Sequence[float]) -> bytes:
    """The MP4 with another table of sample durations (`stts`) and all lengths that follow."""
    scales = {
        kind: struct.unpack_from(">I", payload, _TIMESCALE)[0]
        for kind, payload in _leaves(data)
        if kind in (b"mvhd", b"mdhd")
    }
    ends = np.cumsum([0.0, *durations])
    ticks = np.diff((ends * scales[b"mdhd"]).round().astype(int))
    table = struct.pack(">II", 0, len(ticks))
    table += b"".join(struct.pack(">II", 1, tick) for tick in ticks)

    def changed(kind: bytes, payload: bytes) -> bytes:
        if kind in _CONTAINERS:
            return b"".join(_box(k, changed(k, inner)) for k, inner in _boxes(payload))
        if kind == b"stts":
            return table
        if kind in _DURATIONS:
            scale = scales[b"mdhd" if kind == b"mdhd" else b"mvhd"]
            packed = bytearray(payload)
            struct.pack_into(">I", packed, _DURATIONS[kind], round(ends[-1] * scale))
            return bytes(packed)
        return payload

    kinds = [kind for kind, _ in _boxes(data)]
    # Offsets into the frames' bytes stay right only if what grows comes after them.
    assert kinds.index(b"mdat") < kinds.index(b"moov")
    return b"".join(_box(kind, changed(kind, payload)) for kind, payload in _boxes(data))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert size >= 8, "a box of 64-bit size"
        yield kind, data[at + 8 : at + size]
        at += size


def _leaves(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, payload in _boxes(data):
        if kind in _CONTAINERS:
            yield from _leaves(payload)
        else:
            yield kind, payload


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload
