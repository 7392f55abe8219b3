"""Writes poses as labels to correct and train on: a folder for labelme, COCO's tools or CVAT.

Keypoints below the demo's minimum score are left out. Image files are copied unchanged, unless
their Exif data rotate them. Frames of videos are written as JPEG.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID, coco_category, coco_image
from simplebase.data.cvat_format import cvat_document, cvat_image, cvat_shapes
from simplebase.data.labelme_format import labelme_content, labelme_shapes
from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.sink import SourceInfo, Write, demo_folder
from simplebase.errors import DataError
from simplebase.files import write_json
from simplebase.images import encode_image, is_jpeg, is_upright
from simplebase.inference import whole_image
from simplebase.pose import Box, Pose, extent
from simplebase.skeletons import write_text_files
from simplebase.videos.frame import Frame

_JPEG_QUALITY = 95
_DECIMALS = 2
_VISIBLE = 2


@contextmanager
def labelme_folder(
    path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool
) -> Iterator[Write]:
    """Writes a folder for labelme and `simplebase convert labelme`.

    For each frame it contains the image and a JSON file with one point per keypoint. The JSON file
    also has the object's box, unless it was the whole frame. `group_id` identifies the object; the
    only object of a frame has none. `classes.txt`, `match_point.txt` and `skeleton.txt` keep the
    skeleton, and labelme's `--labels` takes the first.
    """
    with demo_folder(path, overwrite=overwrite) as folder:

        def write(found: FramePoses) -> None:
            image = _place_image(folder, found.frame)
            content = _labelme(found, image.name, info.min_score)
            write_json(image.with_suffix(".json"), content)

        yield write
        write_text_files(info.skeleton, folder)


def require_stems(names: Iterable[str]) -> None:
    """Raises DataError if two images of a labelme folder would share their JSON file."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(str(PurePosixPath(name).with_suffix("")), name)
        if other != name:
            raise DataError(
                f"{name} and {other} differ only in their suffix, so their labelme files would "
                "have the same name. Rename one of them."
            )


@contextmanager
def coco_folder(
    path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool
) -> Iterator[Write]:
    """Writes a folder in COCO's layout, for `simplebase convert coco` and other tools.

    ```
    OUT/
    ├── annotations/train.json   all frames, including those without an object
    └── images/
    ```
    """
    content: dict[str, Any] = {
        "info": {"description": f"found by {info.model} in {info.source}"},
        "licenses": [],
        "categories": [coco_category(info.skeleton)],
        "images": [],
        "annotations": [],
    }
    with demo_folder(path, overwrite=overwrite) as folder:

        def write(found: FramePoses) -> None:
            _place_image(folder / "images", found.frame)
            number = len(content["images"]) + 1
            size = found.frame.image.shape[:2]
            content["images"].append(coco_image(number, found.frame.name, size))
            for pose in found.poses:
                labels = _labels(pose, found.frame, info.min_score)
                if labels[:, 2].any():
                    content["annotations"].append(
                        {
                            "id": len(content["annotations"]) + 1,
                            "image_id": number,
                            **_coco_object(pose, labels, found.frame, info.min_score),
                        }
                    )

        yield write
        write_json(folder / "annotations" / "train.json", content)


@contextmanager
def cvat_folder(
    path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool
) -> Iterator[Write]:
    """A folder for CVAT, and for `simplebase convert cvat`.

    ```
    OUT/
    ├── annotations.xml          all frames, as "CVAT for images 1.1"
    └── images/
    ```
    """
    images: list[Element] = []
    groups = count(1)
    typical = np.zeros((info.skeleton.num_keypoints, 3))
    with demo_folder(path, overwrite=overwrite) as folder:

        def write(found: FramePoses) -> None:
            nonlocal typical
            frame, shapes = found.frame, []
            if not frame.name.isprintable():
                raise DataError(
                    f"the name {frame.name!r} has a character that XML cannot hold. Rename it."
                )
            for pose in found.poses:
                labels, box = _labels(pose, frame, info.min_score), _own_box(pose, frame)
                labelled = labels[:, 2] > 0
                if labelled.any():
                    center = labels[labelled, :2].mean(axis=0).tolist()
                    shapes += cvat_shapes(info.skeleton, labels, box, next(groups), center)
                if labelled.sum() > (typical[:, 2] > 0).sum():
                    typical = labels
            _place_image(folder / "images", frame)
            size = frame.image.shape[:2]
            images.append(cvat_image(len(images), frame.name, size, shapes))

        yield write
        content = cvat_document(info.skeleton, typical, images)
        (folder / "annotations.xml").write_bytes(content)


def _labels(pose: Pose, frame: Frame, min_score: float) -> np.ndarray:
    """Returns `(K, 3)` x, y, visibility; zeros where the keypoint was not found in the frame."""
    height, width = frame.image.shape[:2]
    places = pose.keypoints[:, :2]
    # A box may extend beyond the frame. The model's guesses there are not used as labels.
    inside = ((places >= 0) & (places <= [width - 1, height - 1])).all(axis=1, keepdims=True)
    found = inside & (pose.keypoints[:, 2:] >= min_score)
    visibility = np.full((len(pose.keypoints), 1), _VISIBLE)
    labels = np.concatenate([places.round(_DECIMALS), visibility], axis=1)
    return np.where(found, labels, 0)


def _coco_object(pose: Pose, labels: np.ndarray, frame: Frame, min_score: float) -> dict[str, Any]:
    box = _own_box(pose, frame) or extent(pose, min_score)
    return {
        "category_id": CATEGORY_ID,
        "iscrowd": 0,
        "keypoints": [part for x, y, v in labels.tolist() for part in (x, y, int(v))],
        "num_keypoints": int((labels[:, 2] > 0).sum()),
        "bbox": [round(value, _DECIMALS) for value in box],
        "area": round(box[2] * box[3], _DECIMALS),
        "score": round(pose.score, 4),
    }


def _labelme(found: FramePoses, image: str, min_score: float) -> dict[str, Any]:
    frame, poses = found.frame, found.poses
    shapes: list[dict[str, Any]] = []
    for group, pose in enumerate(poses, start=1):
        labels = _labels(pose, frame, min_score)
        if labels[:, 2].any():
            box = _own_box(pose, frame)
            shapes += labelme_shapes(pose.skeleton, labels, box, None if len(poses) == 1 else group)
    return labelme_content(image, frame.image.shape[:2], shapes)


def _own_box(pose: Pose, frame: Frame) -> Box | None:
    """Returns the object's box; None if it is just the whole frame."""
    if tuple(pose.box) == whole_image(frame.image):
        return None
    left, top, width, height = (round(value, _DECIMALS) for value in pose.box)
    return left, top, width, height


def _place_image(folder: Path, frame: Frame) -> Path:
    """Writes the frame's image into `folder`, under its name."""
    target = folder / PurePosixPath(frame.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if frame.path is not None and _is_stored_upright(frame.path):
        shutil.copyfile(frame.path, target)
        return target
    target.write_bytes(encode_image(frame.image, target.suffix, jpeg_quality=_JPEG_QUALITY))
    return target


def _is_stored_upright(path: Path) -> bool:
    data = path.read_bytes()
    return not is_jpeg(data) or is_upright(data)
