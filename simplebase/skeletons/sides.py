"""Finds keypoints that mirror each other by their names."""

import re
from collections.abc import Iterator, Sequence

from simplebase.skeletons.skeleton import Link, Pair

# The words, or single letters that stand alone: l_eye, eye.L, LEye, eyeL.
_LEFT = re.compile("left|Left|LEFT|(?<![A-Za-z])[lL](?![a-z])|(?<=[a-z])L(?![A-Za-z])")
_RIGHT_OF = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}


def pairs_by_name(keypoints: Sequence[str]) -> tuple[Pair, ...]:
    """Returns (left, right) pairs of names that differ only in the word or letter for the side."""
    return tuple((left, right) for left, right, _ in _split_pairs(keypoints))


def sides_by_name(keypoints: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Returns side and rest of each name in `pairs_by_name`: `L_Eye` gives `left`, `_Eye`."""
    sides: dict[str, tuple[str, str]] = {}
    for left, right, rest in _split_pairs(keypoints):
        sides |= {left: ("left", rest), right: ("right", rest)}
    return sides


def _split_pairs(keypoints: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yields the left name, the right name, and what remains of both without the side."""
    taken: set[str] = set()
    for name in keypoints:
        for match in _LEFT.finditer(name):
            before, after = name[: match.start()], name[match.end() :]
            other = before + _RIGHT_OF[match[0]] + after
            if other in keypoints and not taken & {name, other}:
                yield name, other, before + after
                taken |= {name, other}


def pairs_text(pairs: Sequence[Pair]) -> str:
    """Returns the pairs as one line of text."""
    return ", ".join(f"{left}/{right}" for left, right in pairs) or "none"


def coloured_link(start: str, end: str, pairs: Sequence[Pair]) -> Link:
    """Returns a link: blue on the left side, red on the right, green across and in the middle.

    Args:
        start: name of the first keypoint.
        end: name of the second keypoint.
        pairs: (left, right) names.
    """
    ends = {start, end}
    on_left = bool(ends & {left for left, _ in pairs})
    on_right = bool(ends & {right for _, right in pairs})
    if on_left == on_right:
        return Link(start, end, "g")
    return Link(start, end, "b" if on_left else "r")
