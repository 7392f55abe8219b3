"""Damaged copies of a file, the same ones each time, for tests of readers."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from conversion_checks import places

NASTY = [b"", b"\0", b"nan", b"-1e999", b"../../etc/passwd", b"\xff\xfe", b"9" * 30, b"{", b"<"]

VALUES = [None, True, 0, -1, 10**400, 1e308, -9e8, "", "a\0b", "x" * 300, "../../a", [], [[]], {}]


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


def garbled_values(document: Any, count: int = 100, seed: int = 0) -> Iterator[bytes]:
    """Yields `count` copies of a document as JSON, with values replaced or removed."""
    draw = random.Random(seed)
    ways = [place for place in places(document) if place]
    for _ in range(count):
        damaged = copy.deepcopy(document)
        for _ in range(draw.randint(1, 3)):
            *way, last = draw.choice(ways)
            holder = damaged
            try:
                for key in way:
                    holder = holder[key]
                if draw.random() < 0.3:
                    del holder[last]
                else:
                    holder[last] = draw.choice(VALUES)
            except (KeyError, IndexError, TypeError):
                continue  # what led there was replaced before
        yield json.dumps(damaged).encode()
