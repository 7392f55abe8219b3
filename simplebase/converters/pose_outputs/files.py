"""Reads the result files of OpenPose, AlphaPose and MediaPipe."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from simplebase.data import expect
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, shown
from simplebase.files import parse_json, read_text

OPENPOSE_END = "_keypoints"
"""OpenPose's suffix after the name of the image."""
TEXT_SUFFIXES = (".pbtxt", ".prototxt")
SUFFIXES = (".json", *TEXT_SUFFIXES)

Tool = Literal["OpenPose", "AlphaPose", "MediaPipe"]
_MOST_TEXT = 1 << 24
_BODY = ("pose_keypoints_2d", "pose_keypoints", "joints")
LANDMARKS = (
    *("landmarks", "pose_landmarks", "poseLandmarks", "hand_landmarks", "handLandmarks"),
    *("multiHandLandmarks", "landmark"),
)
_PARTS = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
_TOKEN = re.compile(r'\s+|#[^\n]*|(\w+)\s*(\{)|(\w+)\s*:\s*("[^"\n]*"|[^\s{}]+)|(\})')


@dataclass(frozen=True, eq=False)
class Pose(ArrayEquality):
    """A detected object.

    Args:
        points: `(K, 3)` x, y, score as the tool writes them.
        where: the file and the place in it, for messages.
        image: the image's file name if the file states it; else it follows from the file's name.
        box: x, y, width, height.
        parts: number of its faces and hands, which are not read.
    """

    points: np.ndarray
    where: str
    image: str | None = None
    box: tuple[float, float, float, float] | None = None
    parts: int = 0


def read_poses(path: Path) -> tuple[Tool, list[Pose]] | None:
    """Returns the tool that wrote a file, and its results; `None` if it is none of them.

    Raises:
        DataError: the file is damaged.
    """
    if path.suffix.lower() in TEXT_SUFFIXES:
        return _mediapipe(_parse_text(read_text(path, most_bytes=_MOST_TEXT), path), path)
    content = parse_json(read_text(path), str(path))
    if isinstance(content, list) and content and all(isinstance(each, dict) for each in content):
        if all({"image_id", "keypoints"} <= each.keys() for each in content):
            return "AlphaPose", list(_alphapose(content, path))
        if all({"x", "y"} <= each.keys() for each in content):
            return _mediapipe({LANDMARKS[0]: content}, path)
        # ControlNet's editors write a list with the only image.
        content = content[0] if len(content) == 1 else None
    if not isinstance(content, dict):
        return None
    if isinstance(content.get("people"), list):
        return "OpenPose", list(_openpose(content["people"], str(path)))
    if isinstance(content.get("bodies"), list):
        return "AlphaPose", list(_openpose(content["bodies"], str(path)))
    by_image = {name: _people(each) for name, each in content.items()}
    if by_image and all(people is not None for people in by_image.values()):
        return "AlphaPose", [
            pose
            for name, people in by_image.items()
            for pose in _openpose(people or [], f"{path}, {shown(name)}", name)
        ]
    return _mediapipe(content, path)


def _people(value: Any) -> list[Any] | None:
    """Returns the people of an image in AlphaPose's forms `open` and `cmu`; `None` for others."""
    lists = [value.get(key) for key in ("people", "bodies")] if isinstance(value, dict) else []
    return next((each for each in lists if isinstance(each, list)), None)


def _openpose(people: list[Any], source: str, image: str | None = None) -> Iterator[Pose]:
    for index, person in enumerate(people):
        where = f"{source}, people[{index}]"
        person = expect.mapping(person, where)
        key = next((key for key in _BODY if key in person), _BODY[0])
        # A person of whom only the face or a hand was found has no body.
        if values := expect.items(person.get(key), f"{where}.{key}"):
            parts = sum(bool(person.get(part)) for part in _PARTS)
            yield Pose(_triples(values, f"{where}.{key}"), where, image, parts=parts)


def _alphapose(results: list[dict[str, Any]], path: Path) -> Iterator[Pose]:
    for index, result in enumerate(results):
        where = f"{path}[{index}]"
        image = result["image_id"]
        if not isinstance(image, str):
            raise DataError(
                f"{where}.image_id: expected the image's file name, as AlphaPose writes it. "
                f"Received: {image!r}. COCO results are measured by `simplebase eval`."
            )
        box = result.get("box")
        x, y, width, height = expect.numbers(box, 4, f"{where}.box") if box else (0, 0, 0, 0)
        yield Pose(
            _triples(result["keypoints"], f"{where}.keypoints"),
            where,
            image=expect.text(image, f"{where}.image_id"),
            box=(x, y, width, height) if box else None,
        )


def _mediapipe(content: dict[str, Any], path: Path) -> tuple[Tool, list[Pose]] | None:
    # A message that Python's protobuf library makes a dictionary.
    nested = (content.get(key) for key in LANDMARKS)
    content = next((each for each in nested if isinstance(each, dict)), content)
    key = next((key for key in LANDMARKS if isinstance(content.get(key), list)), None)
    if key is None:
        return None
    found = content[key]
    # Several objects, or the landmarks of a single object.
    if found and isinstance(found[0], dict) and isinstance(found[0].get("landmark"), list):
        found = [expect.mapping(each, f"{path}, {key}").get("landmark") for each in found]
    elif found and isinstance(found[0], dict):
        found = [found]
    poses = []
    for index, landmarks in enumerate(found):
        where = f"{path}, {key}[{index}]"
        rows = [_landmark(each, where) for each in expect.items(landmarks, where)]
        if rows:
            poses.append(Pose(np.array(rows), where))
    return "MediaPipe", poses


def _landmark(value: Any, where: str) -> list[float]:
    """Returns x and y as fractions of the image's sides, and the probability of being visible."""
    value = expect.mapping(value, where)
    x, y = (expect.number(value.get(key), f"{where}, {key}") for key in ("x", "y"))
    return [x, y, expect.number(value.get("visibility", 1.0), f"{where}, visibility")]


def _triples(values: Any, where: str) -> np.ndarray:
    """Converts a flat list to `(K, 3)`."""
    values = expect.items(values, where)
    if len(values) % 3 or not values:
        raise DataError(f"{where}: expected x, y, score of each point. Received {len(values)}.")
    return np.array(expect.numbers(values, len(values), where)).reshape(-1, 3)


def _parse_text(text: str, path: Path) -> dict[str, Any]:
    """Parses a protocol buffer in text format: values are lists by name, numbers are floats.

    Raises:
        DataError: it is not in this format.
    """
    message: dict[str, Any] = {}
    outer: list[dict[str, Any]] = []
    end = 0
    while end < len(text):
        token = _TOKEN.match(text, end)
        if token is None or (token[5] and not outer):
            line = text.count("\n", 0, end) + 1
            raise DataError(f"{path}, line {line}: expected `name: value` or `name {{ ... }}`.")
        end = token.end()
        if token[2]:
            outer.append(message)
            message = {}
            earlier = outer[-1].get(token[1])
            outer[-1][token[1]] = [*earlier, message] if isinstance(earlier, list) else [message]
        elif token[3]:
            message[token[3]] = _value(token[4])
        elif token[5]:
            message = outer.pop()
    if outer:
        raise DataError(f"{path} is cut off: {len(outer)} braces are not closed.")
    return message


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
