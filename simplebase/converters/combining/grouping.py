"""Groups images: frames of a video, files of a folder, or by a pattern."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal, get_args

from simplebase.errors import ArgumentError, DataError, shown

Grouping = Literal["image", "video", "folder"]

_FRAME_NUMBER = re.compile(r"[\s_.(-]*[0-9]+\)?$")


def group_images(
    paths: Iterable[str], by: Grouping = "image", pattern: str | None = None
) -> dict[str, list[str]]:
    """Returns the images of each group, in the order of their numbers.

    Args:
        paths: image paths with `/`. A path that occurs several times is one image.
        by: `image`: each image alone. `folder`: images directly in the same folder. `video`: images
            whose paths differ only in the number at the end of the name, such as
            `cam1/img_0012.png` and `cam1/img_0013.png`.
        pattern: instead of `by`, a regular expression that is searched in each path. The text that
            its groups (or the whole expression) match names the group.

    Returns:
        Paths by group. The groups are also in the order of their numbers.

    Raises:
        ArgumentError: `by` is unknown, or `pattern` is not a regular expression.
        DataError: `pattern` is not found in a path.
    """
    if by not in get_args(Grouping):
        raise ArgumentError(f"by must be one of {', '.join(get_args(Grouping))}. Received: {by}.")
    compiled = None if pattern is None else compile_pattern(pattern)
    groups: dict[str, list[str]] = {}
    for path in sorted(set(paths), key=by_numbers):
        name = _group(path, by) if compiled is None else _matched(path, compiled)
        groups.setdefault(name, []).append(path)
    return dict(sorted(groups.items(), key=lambda group: by_numbers(group[0])))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compiles the regular expression; ArgumentError if it is invalid."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ArgumentError(
            f"{shown(pattern)} is not a valid regular expression: {error}."
        ) from error


def by_numbers(path: str) -> tuple[list[tuple[str, int]], str]:
    """Returns a key that sorts `2.jpg` before `10.jpg`."""
    parts = re.split("([0-9]+)", path)
    # Python refuses to read numbers of thousands of digits; their length orders them as well.
    numbers = [number.lstrip("0") for number in parts[1::2]]
    keys = []
    for text, number in zip(parts[::2], [*numbers, ""], strict=True):
        keys += [(text, len(number)), (number, 0)]
    return keys, path


def _group(path: str, by: Grouping) -> str:
    whole = PurePosixPath(path)
    if by == "image":
        return path
    if by == "folder":
        return str(whole.parent)
    return f"{whole.parent}/{_FRAME_NUMBER.sub('', whole.stem)}"


def _matched(path: str, pattern: re.Pattern[str]) -> str:
    match = pattern.search(path)
    if match is None:
        raise DataError(
            f"the pattern {shown(pattern.pattern)} is not found in the image path {shown(path)}, "
            "so its group is not known. Give one that is found in every path."
        )
    return "\n".join(group or "" for group in match.groups() or (match[0],))
