"""Cut and garbled label files, the same ones in every run."""

import random
import warnings
from collections.abc import Callable
from pathlib import Path

from simplebase.converters import Conversion
from simplebase.data.fields import record_problems
from simplebase.errors import SimplebaseError, SimplebaseWarning

CASES = 100
PIECES = [
    b"NaN",
    b"null",
    b"-1e400",
    b'"',
    b"[]",
    b"{}",
    b"\x00",
    b"\xff\xfe",
    b"..",
    b"1e308",
    b"",
]


def read_garbled(
    path: Path, read: Callable[[Path], Conversion], *, seed: int = 5, cases: int = CASES
) -> int:
    """Reads `path` cut or garbled in many ways, and returns how many of them were refused.

    What is read must make records that load again; what is not must be refused by our own error,
    in a sentence. The file is left garbled.
    """
    content, chance, refused = path.read_bytes(), random.Random(seed), 0
    for _ in range(cases):
        path.write_bytes(_garbled(content, chance))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SimplebaseWarning)
                conversion = read(path)
        except SimplebaseError as error:
            assert str(error).endswith((".", "?")), str(error)
            refused += 1
        else:
            skeleton = conversion.skeleton
            for record in conversion.records:
                assert not [*record_problems(record, skeleton.num_keypoints, skeleton.name)]
    return refused


def _garbled(content: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.25:
        return content[: chance.randrange(len(content))]
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(content))
        length = chance.choice([1, 1, 4, 30])
        content = content[:start] + chance.choice(PIECES) + content[start + length :]
    return content
