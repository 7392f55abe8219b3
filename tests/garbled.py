"""Damaged copies of a file, the same ones each time, for tests of readers."""

import random
from collections.abc import Iterator

NASTY = [b"", b"\0", b"nan", b"-1e999", b"../../etc/passwd", b"\xff\xfe", b"9" * 30, b"{", b"<"]


def garbled(content: bytes, count: int = 100, seed: int = 0) -> Iterator[bytes]:
    """Yields `count` copies: cut off, with bytes changed, or with parts replaced or repeated."""
    draw = random.Random(seed)
    for case in range(count):
        data = bytearray(content)
        if case % 4 == 0:
            yield bytes(data[: draw.randrange(len(data))])
            continue
        for _ in range(draw.randint(1, 4)):
            start = draw.randrange(len(data))
            stop = start + draw.randint(1, 12)
            if case % 4 == 1:
                data[start] = draw.randrange(256)
            elif case % 4 == 2:
                data[start:stop] = draw.choice(NASTY)
            else:
                data[start:start] = data[start : start + draw.randint(1, 200)]
            data = data or bytearray(b"x")
        yield bytes(data)
