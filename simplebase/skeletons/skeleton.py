"""Skeletons: keypoint names, the pairs that swap under a flip, and the links between them."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from simplebase.errors import DataError, cut, listed, shown

COLOURS = {"r": (235, 64, 52), "g": (52, 199, 89), "b": (48, 128, 255)}
"""RGB values of the three colour letters in upstream's skeleton file."""

MOST_LINKS = 100_000
"""Most links of a skeleton. Keep equal to `kMostLinks` in C++."""
MOST_KEYPOINTS = 10_000
"""Most keypoints of a skeleton. Keep equal to `deploy/pose/metadata.cpp`."""

LONGEST_NAME = 200
"""Most characters of a keypoint's name."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Link:
    """A line drawn between two keypoints; `colour` is `r`, `g`, `b` or `#rrggbb`.

    Raises:
        DataError: the colour is invalid.
    """

    start: str
    end: str
    colour: str = "g"

    def __post_init__(self) -> None:
        """Checks the colour."""
        known = self.colour in COLOURS
        if not (known or re.fullmatch("#[0-9a-fA-F]{6}", self.colour)):
            raise DataError(
                f"the colour of {cut(f'{self.start},{self.end}')} must be one of "
                f"{', '.join(COLOURS)} or #rrggbb. Received: {shown(self.colour)}."
            )

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as red, green, blue, 0 to 255."""
        if self.colour in COLOURS:
            return COLOURS[self.colour]
        red, green, blue = bytes.fromhex(self.colour.removeprefix("#"))
        return red, green, blue


@dataclass(frozen=True)
class Skeleton:
    """The keypoints of one kind of object.

    Args:
        name: its name in messages and files.
        keypoints: `K` names, in the order of every keypoint array.
        horizontal_pairs: names that swap when the image is mirrored left to right.
        vertical_pairs: names that swap when the image is mirrored top to bottom.
        links: lines between keypoints, for drawings.
        sigmas: `K` OKS constants if the dataset publishes them, else `None`.
        upper_body: names of the keypoints above the hips, for the augmentation `half_body`; the
            others are the lower body. Empty if the object has no such halves.

    Raises:
        DataError: a name occurs twice; a pair, a link or `upper_body` names an unknown keypoint; a
            keypoint is in two pairs of one direction; a colour is invalid; or the length of
            `sigmas` is not `K`.
    """

    name: str
    keypoints: tuple[str, ...]
    horizontal_pairs: tuple[Pair, ...] = ()
    vertical_pairs: tuple[Pair, ...] = ()
    links: tuple[Link, ...] = ()
    sigmas: tuple[float, ...] | None = None
    upper_body: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks that the parts of the skeleton are consistent."""
        if not self.keypoints:
            raise DataError(f"skeleton {self.name!r} has no keypoints.")
        if len(self.keypoints) > MOST_KEYPOINTS:
            raise DataError(
                f"skeleton {shown(self.name)} has {len(self.keypoints)} keypoints. "
                f"At most {MOST_KEYPOINTS} are supported."
            )
        for name in (self.name, *self.keypoints):
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise DataError(
                    f"the names of a skeleton and its keypoints must be strings of 1 to "
                    f"{LONGEST_NAME} characters. Received: {shown(name)}."
                )
        self._check_unique("keypoints", self.keypoints)
        for field in ("horizontal_pairs", "vertical_pairs"):
            paired = [name for pair in getattr(self, field) for name in pair]
            self._check_known(field, paired)
            self._check_unique(field, paired)
        self._check_known("upper_body", self.upper_body)
        self._check_unique("upper_body", self.upper_body)
        self._check_known("links", [name for link in self.links for name in (link.start, link.end)])
        if self.sigmas is not None and len(self.sigmas) != len(self.keypoints):
            raise DataError(
                f"skeleton {self.name!r} has {len(self.keypoints)} keypoints but "
                f"{len(self.sigmas)} sigmas."
            )
        for sigma in self.sigmas or ():
            if not isinstance(sigma, Real) or not 0 < sigma < math.inf:
                raise DataError(
                    f"skeleton {self.name!r}, sigmas: expected numbers above 0. "
                    f"Received: {shown(sigma)}."
                )

    def _check_known(self, field: str, names: Sequence[str]) -> None:
        known = set(self.keypoints)
        for name in names:
            if name not in known:
                raise DataError(
                    f"skeleton {self.name!r}, {field}: {shown(name)} is not one of its keypoints "
                    f"({listed(self.keypoints)})."
                )

    def _check_unique(self, field: str, names: Sequence[str]) -> None:
        for name, count in Counter(names).items():
            if count > 1:
                raise DataError(f"skeleton {self.name!r}, {field}: {name!r} occurs twice.")

    @property
    def num_keypoints(self) -> int:
        """`K`."""
        return len(self.keypoints)

    @property
    def horizontal_permutation(self) -> np.ndarray:
        """`(K,)` indices: a left-right flip moves keypoint `result[k]` to index k."""
        return self._permutation(self.horizontal_pairs)

    @property
    def vertical_permutation(self) -> np.ndarray:
        """`(K,)` indices: a top-bottom flip moves keypoint `result[k]` to index k."""
        return self._permutation(self.vertical_pairs)

    def _permutation(self, pairs: Sequence[Pair]) -> np.ndarray:
        order = np.arange(self.num_keypoints)
        index = {name: place for place, name in enumerate(self.keypoints)}
        for first, second in pairs:
            i, j = index[first], index[second]
            order[i], order[j] = j, i
        return order

    def to_config(self) -> dict[str, Any]:
        """Returns plain lists and strings for a skeleton YAML file or a model's metadata."""
        config: dict[str, Any] = {
            "name": self.name,
            "keypoints": list(self.keypoints),
            "horizontal_pairs": [list(pair) for pair in self.horizontal_pairs],
            "vertical_pairs": [list(pair) for pair in self.vertical_pairs],
            "links": [[link.start, link.end, link.colour] for link in self.links],
        }
        if self.sigmas is not None:
            config["sigmas"] = list(self.sigmas)
        if self.upper_body:
            config["upper_body"] = list(self.upper_body)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Skeleton":
        """Returns the skeleton that `to_config` describes."""
        try:
            for key in ("keypoints", "upper_body"):
                if isinstance(config.get(key), str):
                    raise TypeError(f"{key} must be a list of names")
            if (links := len(config.get("links", ()))) > MOST_LINKS:
                raise DataError(
                    f"a skeleton must have at most {MOST_LINKS} links. Received: {links}."
                )
            sigmas = config.get("sigmas")
            return cls(
                name=config["name"],
                keypoints=tuple(config["keypoints"]),
                horizontal_pairs=tuple((a, b) for a, b in config.get("horizontal_pairs", ())),
                vertical_pairs=tuple((a, b) for a, b in config.get("vertical_pairs", ())),
                links=tuple(Link(*link) for link in config.get("links", ())),
                sigmas=None if sigmas is None else tuple(sigmas),
                upper_body=tuple(config.get("upper_body", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                "a skeleton must be a mapping with name, keypoints, and optionally "
                "horizontal_pairs, vertical_pairs, links [start, end, colour], sigmas and "
                f"upper_body ({cut(repr(error))})."
            ) from error
