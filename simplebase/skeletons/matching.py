"""Matches the keypoints of two skeletons by their names."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simplebase.errors import listed
from simplebase.skeletons.sides import sides_by_name
from simplebase.skeletons.skeleton import Skeleton

# How many keypoints a message lists: there may be 133.
_MOST_NAMED = 8
_MOST_SPELLINGS = 3


@dataclass(frozen=True)
class KeypointMatch:
    """Pairs each keypoint of one skeleton with the same keypoint of another.

    Args:
        names: the `K` keypoints of the first skeleton.
        other_names: the keypoints of the other skeleton.
        places: `K` indices into `other_names`, each at most once; None for keypoints without a
            match.
        by_order: whether they were paired by their order, because they have no names.
    """

    names: tuple[str, ...]
    other_names: tuple[str, ...]
    places: tuple[int | None, ...]
    by_order: bool = False

    @property
    def identical(self) -> bool:
        """Whether both have the same names in the same order."""
        return self.names == self.other_names

    def sentence(self, source: str) -> str:
        """Returns a sentence that says which keypoints start from the weights `source`."""
        count, found = len(self.names), len(self.places) - self.places.count(None)
        if self.by_order:
            return (
                f"the {count} keypoints have no names here or in {source}, so each starts from the "
                "keypoint at the same position."
            )
        if found == 0:
            return (
                f"{source} has none of the {count} keypoints by name, so the last layer starts "
                "from random weights."
            )
        text = f"{found} of {count} keypoints start from {source}"
        spelt = [
            f"{name} from {self.other_names[place]}"
            for name, place in zip(self.names, self.places, strict=True)
            if place is not None and name != self.other_names[place]
        ]
        if spelt:
            text += f" ({listed(spelt, _MOST_SPELLINGS)})"
        anew = [name for name, place in zip(self.names, self.places, strict=True) if place is None]
        return f"{text}; untrained: {listed(anew, _MOST_NAMED)}." if anew else f"{text}."


def match_keypoints(mine: Skeleton, theirs: Skeleton) -> KeypointMatch:
    """Finds each keypoint of `mine` in `theirs`.

    Names are compared three times: unchanged; without case, spaces, `_`, `-` and `.`; and with the
    side as a word, so that `L_Eye` matches `left_eye` if there is also an `R_Eye`. A name that
    matches two keypoints is ignored, and nothing else is guessed. Two skeletons with the same
    number of keypoints are matched by order if one of them only has numbers (`keypoint_0`, or `1`,
    and so on).
    """
    names, other_names = mine.keypoints, theirs.keypoints
    if names != other_names and (_only_counted(names) or _only_counted(other_names)):
        by_order = len(names) == len(other_names)
        places = tuple(range(len(names))) if by_order else (None,) * len(names)
        return KeypointMatch(names, other_names, places, by_order)
    found: dict[str, str] = {}
    spellings: tuple[Callable[[Sequence[str]], Mapping[str, str]], ...] = (_exact, _folded, _sided)
    for spelling in spellings:
        keys, other_keys = _unique(spelling(names)), _unique(spelling(other_names))
        taken = set(found.values())
        for key, name in keys.items():
            other = other_keys.get(key)
            if name not in found and other is not None and other not in taken:
                found[name] = other
    place = {name: index for index, name in enumerate(other_names)}
    return KeypointMatch(
        names, other_names, tuple(place[found[name]] if name in found else None for name in names)
    )


def _only_counted(names: Sequence[str]) -> bool:
    """Returns whether all names are placeholders, as `Skeleton` and `convert coco` make them."""
    return any(
        all(name == f"{prefix}{index}" for index, name in enumerate(names, start))
        for prefix, start in (("keypoint_", 0), ("", 1))
    )


def _unique(keys: Mapping[str, str]) -> dict[str, str]:
    """Returns the names by their key, without keys that two names share."""
    counts = Counter(keys.values())
    return {key: name for name, key in keys.items() if counts[key] == 1}


def _exact(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}


def _folded(names: Sequence[str]) -> dict[str, str]:
    return {name: _fold(name) for name in names}


def _sided(names: Sequence[str]) -> dict[str, str]:
    """Returns names with the side as a word first: `left eye` for `L_Eye`, `eye.L`, `LeftEye`."""
    sides = sides_by_name(names)
    return {
        name: f"{sides[name][0]} {_fold(sides[name][1])}" if name in sides else _fold(name)
        for name in names
    }


def _fold(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).casefold()
