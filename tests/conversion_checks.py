"""Small images and damaged documents for the converters' tests."""

import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from simplebase import load_dataset
from simplebase.converters import Conversion, write_dataset
from simplebase.errors import SimplebaseError, SimplebaseWarning

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "../../etc/passwd",
            "/etc/passwd",
            "a\0b",
            "x" * 300,
            10**400,
            -1,
            1e308,
            9e8,
            -999999999.9,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
"""Any JSON value, and some that are nasty."""


def write_image(path: Path, height: int = 40, width: int = 30) -> Path:
    """A grey image; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def places(document: Any) -> list[tuple[Any, ...]]:
    """The keys that lead to each value in nested lists and dicts."""
    found: list[tuple[Any, ...]] = [()]
    entries = enumerate(document) if isinstance(document, list) else ()
    entries = document.items() if isinstance(document, dict) else entries
    for key, value in entries:
        found += [(key, *place) for place in places(value)]
    return found


@st.composite
def damaged(draw: Any, document: Any) -> bytes:
    """The document as JSON: with other values in some places, cut off, or no JSON at all."""
    kind = draw(st.sampled_from(["replace", "replace", "replace", "truncate", "bytes"]))
    if kind == "bytes":
        return draw(st.binary(max_size=40))
    document = copy.deepcopy(document)
    if kind == "truncate":
        text = json.dumps(document).encode()
        return text[: draw(st.integers(0, len(text)))]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(document)))
        if not place:
            return json.dumps(draw(VALUES)).encode()
        *way, last = place
        holder = document
        for key in way:
            holder = holder[key]
        if draw(st.booleans()):
            holder[last] = draw(VALUES)
        else:
            del holder[last]
    return json.dumps(document).encode()


def readable_or_refused(read: Callable[[], Conversion], output: Path) -> None:
    """What a reader takes must load again; what it refuses must be refused by our own error."""
    try:
        with warnings.catch_warnings():
            # A warning, such as that of a size which is not the image's, refuses nothing.
            warnings.simplefilter("ignore", SimplebaseWarning)
            conversion = read()
            write_dataset(conversion, output, images="link")
    except SimplebaseError as error:
        assert str(error).endswith((".", "?")), str(error)
    else:
        assert len(load_dataset(output)) == len(conversion.records)
