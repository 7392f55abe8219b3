"""Writes poses as JSON and as CSV, frame by frame."""

import csv
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.sink import SourceInfo, Write
from simplebase.files import replacing
from simplebase.pose import Pose

_DECIMALS, _SCORE_DECIMALS = 2, 4


@contextmanager
def json_file(
    path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool
) -> Iterator[Write]:
    """Writes an object with `source`, `model`, `fps`, `keypoints` (names) and `frames`.

    Each frame is one line. It has `frame` (its number), `time` (seconds, for a video), `file` (for
    images), `width`, `height` and `poses`. A pose has `id`, `box` [x, y, width, height], `score`
    and `keypoints` [[x, y, score], ...].
    """
    head = {
        "source": info.source,
        "model": info.model,
        "fps": info.fps if info.is_sequence else None,
        "keypoints": list(info.skeleton.keypoints),
    }
    with replacing(path, overwrite=overwrite) as partial:
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "frames": [')
            separator = "\n"

            def write(found: FramePoses) -> None:
                nonlocal separator
                content = frame_content(found, is_sequence=info.is_sequence)
                file.write(separator + json.dumps(content, ensure_ascii=False))
                separator = ",\n"

            yield write
            file.write("\n]}\n")


def frame_content(found: FramePoses, *, is_sequence: bool) -> dict[str, Any]:
    """Returns a frame's entry in the JSON file."""
    frame = found.frame
    height, width = frame.image.shape[:2]
    place = {"time": round(frame.time, 4)} if is_sequence else {"file": frame.name}
    return {
        "frame": frame.index,
        **place,
        "width": width,
        "height": height,
        "poses": [pose_content(pose) for pose in found.poses],
    }


def pose_content(pose: Pose) -> dict[str, Any]:
    """Returns a pose's entry in the JSON file."""
    return {
        "id": pose.identity,
        "box": [round(value, _DECIMALS) for value in pose.box],
        "score": round(pose.score, _SCORE_DECIMALS),
        "keypoints": [
            [round(x, _DECIMALS), round(y, _DECIMALS), round(score, _SCORE_DECIMALS)]
            for x, y, score in pose.keypoints.tolist()
        ],
    }


@contextmanager
def csv_file(path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool) -> Iterator[Write]:
    """Writes one row per pose: frame, time, file, id, box, score, then x, y, score per keypoint."""
    with replacing(path, overwrite=overwrite) as partial:
        with partial.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(_columns(info.skeleton.keypoints))

            def write(found: FramePoses) -> None:
                for pose in frame_content(found, is_sequence=info.is_sequence)["poses"]:
                    frame = found.frame
                    rows.writerow(
                        [
                            frame.index,
                            round(frame.time, 4) if info.is_sequence else "",
                            "" if info.is_sequence else frame.name,
                            "" if pose["id"] is None else pose["id"],
                            *pose["box"],
                            pose["score"],
                            *(value for point in pose["keypoints"] for value in point),
                        ]
                    )

            yield write


def _columns(keypoints: Sequence[str]) -> list[str]:
    box = [f"box_{side}" for side in ("x", "y", "width", "height")]
    points = [f"{name}_{part}" for name in keypoints for part in ("x", "y", "score")]
    return ["frame", "time", "file", "id", *box, "score", *points]
