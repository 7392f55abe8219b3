"""Which keypoints mirror each other, as far as their names tell."""

import re
from collections.abc import Iterator, Sequence

from simplebase.skeletons.skeleton import Link, Pair

# The words, and the letters where they stand alone: l_eye, eye.L, LEye, eyeL.
_LEFT = re.compile("left|Left|LEFT|(?<![A-Za-z])[lL](?![a-z])|(?<=[a-z])L(?![A-Za-z])")
_RIGHT_OF = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}


def pairs_by_name(keypoints: Sequence[str]) -> tuple[Pair, ...]:
    """Left and right of the names that differ only by that word or letter."""
    return tuple((left, right) for left, right, _ in _split_pairs(keypoints))


def sides_by_name(keypoints: Sequence[str]) -> dict[str, tuple[str, str]]:
    """`left` or `right` and the rest of each name in `pairs_by_name`: `L_Eye` is `left`, `_Eye`."""
    sides: dict[str, tuple[str, str]] = {}
    for left, right, rest in _split_pairs(keypoints):
        sides |= {left: ("left", rest), right: ("right", rest)}
    return sides


def _split_pairs(keypoints: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Left, right, and what is left of either without the word or letter."""
    taken: set[str] = set()
    for name in keypoints:
        for match in _LEFT.finditer(name):
            before, after = name[: match.start()], name[match.end() :]
            other = before + _RIGHT_OF[match[0]] + after
            if other in keypoints and not taken & {name, other}:
                yield name, other, before + after
                taken |= {name, other}


def pairs_text(pairs: Sequence[Pair]) -> str:
    """Pairs in one line, for people."""
    return ", ".join(f"{left}/{right}" for left, right in pairs) or "none"


def coloured_link(start: str, end: str, pairs: Sequence[Pair]) -> Link:
    """A link, blue on the left side, red on the right, green across and in the middle.

    Args:
        start: a keypoint.
        end: another.
        pairs: left and right names.
    """
    ends = {start, end}
    on_left = bool(ends & {left for left, _ in pairs})
    on_right = bool(ends & {right for _, right in pairs})
    if on_left == on_right:
        return Link(start, end, "g")
    return Link(start, end, "b" if on_left else "r")
