"""Checks the fields of a record, and describes their errors."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from simplebase.errors import shown
from simplebase.geometry import Size

LARGEST = 1e9
"""Upper bound of coordinates, beyond any image."""


def flat(value: Any) -> list[Any]:
    """Returns the numbers of `[x1, y1, x2, y2]`, `[[x1, y1], [x2, y2]]` or a single number."""
    items = value if isinstance(value, list) else [value]
    return [part for item in items for part in (item if isinstance(item, list) else [item])]


def stays_inside(path: str) -> bool:
    """Returns whether a relative path stays below its folder."""
    if path.startswith(("/", "\\")):
        return False
    if ".." in path or ":" in path:
        parts = PurePosixPath(path.replace("\\", "/")).parts
        return ".." not in parts and ":" not in parts[0]
    return path not in ("", ".")


def record_problems(record: Any, num_keypoints: int, skeleton: str) -> Iterator[str]:
    """Yields the errors of one record, field by field."""
    if not isinstance(record, dict):
        yield f"expected a mapping. Received: {shown(record)}."
        return
    for key in ("dataset", "isValidation", "img_paths", "objpos", "joint_self", "scale_provided"):
        if key not in record:
            yield f"{key} is missing."
    path: Any = record.get("img_paths", "absent")
    if not isinstance(path, str) or not path:
        yield f"img_paths must be the image's path inside images/. Received: {shown(path)}."
    elif not stays_inside(path):
        yield "img_paths must stay within the dataset folder."
    if not are_numbers(record.get("objpos", (0, 0)), 2):
        yield f"objpos must be x, y in pixels. {numbers_problem(record['objpos'], 2)}"
    scale: Any = record.get("scale_provided", 1)
    if not are_numbers([scale], 1) or scale <= 0:
        yield (
            "scale_provided must be the longer side of the object's box in pixels / 200, above 0. "
            f"Received: {shown(scale)}."
        )
    if record.get("isValidation", 0) not in (0, 1):
        yield f"isValidation must be 0 or 1. Received: {shown(record['isValidation'])}."
    if "joint_self" in record:
        yield from _joint_problems(record["joint_self"], num_keypoints, skeleton)
    for key, length in (("headboxes", 4), ("bbox", 4)):
        if key in record and not are_numbers(flat(record[key]), length):
            yield f"{key} must have {length} numbers. {numbers_problem(flat(record[key]), length)}"
    for key in ("area", "origin"):
        if key in record and not are_numbers(flat(record[key]), 1):
            yield f"{key} must be a number. Received: {shown(record[key])}."
    for key in ("image_id", "annotation_id"):
        if key in record and not is_id(record[key]):
            yield f"{key} must be a whole number. Received: {shown(record[key])}."


def _joint_problems(joints: Any, num_keypoints: int, skeleton: str) -> Iterator[str]:
    if not isinstance(joints, list):
        yield f"joint_self must be a list of x, y, visibility. Received: {shown(joints)}."
        return
    if len(joints) != num_keypoints:
        yield (
            f'joint_self has {len(joints)} rows, but skeleton "{skeleton}" has {num_keypoints} '
            "keypoints. Check --skeleton, or the converter that wrote the file."
        )
        return
    for row, joint in enumerate(joints):
        if not are_numbers(joint, 3) or joint[2] not in (0, 1, 2):
            yield (
                f"joint_self, row {row} must be x, y and visibility 0, 1 or 2. Received: "
                f"{shown(joint)}."
            )


def are_numbers(values: Any, count: int) -> bool:
    """Returns whether `values` is a list of `count` finite numbers of plausible size."""
    return (
        isinstance(values, Sequence)
        and len(values) == count
        and all(type(value) in (int, float) and abs(value) < LARGEST for value in values)
    )


def numbers_problem(values: Any, count: int) -> str:
    """Explains why `are_numbers` is False: the number of items, and which one is not a number."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return f"Received: {shown(values)}."
    wrong = [index for index, value in enumerate(values) if not are_numbers([value], 1)]
    if not wrong:
        return f"Received {len(values)}: {shown(values)}."
    amount = "" if len(values) == count else f"Received {len(values)} items. "
    more = f" ({len(wrong)} are not numbers)" if len(wrong) > 1 else ""
    return f"{amount}Received at index {wrong[0]}: {shown(values[wrong[0]])}{more}."


def stated_size(width: Any, height: Any) -> Size | None:
    """Returns the `(height, width)` that a label file states; `None` if it does not.

    Tools that do not know the size write 0, nothing or null. Some write numbers as strings.
    """
    if isinstance(height, bool) or isinstance(width, bool):
        return None
    try:
        size = float(height), float(width)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(1 <= side < LARGEST and side == int(side) for side in size):
        return None
    return int(size[0]), int(size[1])


def is_id(value: Any) -> bool:
    """Returns whether `value` is a whole number that fits into int64."""
    return type(value) in (int, float) and -(2**63) <= value < 2**63 and value == int(value)
