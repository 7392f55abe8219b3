"""Animal-Pose (Cao et al., ICCV 2019): five kinds of animals, 20 keypoints.

`keypoints.json` looks like COCO but is not: `images` maps ids to file names, `bbox` is x1, y1, x2,
y2, a labelled keypoint has visibility 1, and `num_keypoints` is always 20.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.conversion import NO_KEYPOINT, Conversion, draw_held_out
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.placement import around_box
from simplebase.data import expect
from simplebase.data.records import make_record
from simplebase.errors import DataError
from simplebase.files import read_json, require_file
from simplebase.skeletons import load_skeleton

ANNOTATIONS = "keypoints.json"


def read_animal_pose(
    source: str | os.PathLike[str], *, val_split: float = 0.1, seed: int = 0
) -> Conversion:
    """Reads a folder with `keypoints.json` and `images/`.

    Args:
        source: the folder.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.

    Raises:
        MissingFileError: there is no `keypoints.json`.
        DataError: it is not Animal-Pose's.
    """
    path = require_file(Path(source) / ANNOTATIONS, "Animal-Pose's label file")
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), dict):
        raise DataError(
            f'{path} is not Animal-Pose\'s: expected a mapping whose "images" maps ids to names. '
            "A COCO file is converted by `simplebase convert coco`."
        )
    conversion = Conversion(load_skeleton("animal_pose"), Path(source) / "images", [path])
    _require_same_keypoints(content, conversion.skeleton.keypoints, path)
    annotations = expect.items(content.get("annotations"), f"{path}, annotations")
    names = {
        image_id: StatedImage(expect.text(name, f"{path}: the name of image {image_id}"))
        for image_id, name in content["images"].items()
    }
    images = ImageSearch(conversion.image_folder, names.values())
    for index, annotation in enumerate(annotations):
        where = f"{path}, annotations[{index}]"
        _add(conversion, expect.mapping(annotation, where), names, images, where)
    conversion.notes += images.notes()
    conversion.hold_out(draw_held_out(conversion.images, val_split, seed))
    return conversion


def _require_same_keypoints(content: dict[str, Any], expected: tuple[str, ...], path: Path) -> None:
    categories = expect.items(content.get("categories"), f"{path}, categories")
    for index, category in enumerate(categories):
        where = f"{path}, categories[{index}]"
        names = expect.items(expect.mapping(category, where).get("keypoints"), f"{where}.keypoints")
        if names != list(expected):
            raise DataError(f"{where}.keypoints are not Animal-Pose's: {', '.join(expected)}.")


def _add(
    conversion: Conversion,
    annotation: dict[str, Any],
    names: dict[str, StatedImage],
    images: ImageSearch,
    where: str,
) -> None:
    image_id = expect.integer(annotation.get("image_id"), f"{where}.image_id")
    if str(image_id) not in names:
        raise DataError(f"{where}: no image has the id {image_id}.")
    rows = expect.items(annotation.get("keypoints"), f"{where}.keypoints")
    if len(rows) != conversion.skeleton.num_keypoints:
        raise DataError(
            f"{where}.keypoints has {len(rows)} rows. Expected {conversion.skeleton.num_keypoints}."
        )
    keypoints = np.array(
        [expect.numbers(row, 3, f"{where}.keypoints[{k}]") for k, row in enumerate(rows)]
    )
    keypoints[:, 2] = np.where(keypoints[:, 2] > 0, 2, 0)
    left, top, right, bottom = expect.numbers(annotation.get("bbox"), 4, f"{where}.bbox")
    box = [left, top, right - left, bottom - top]
    stated = names[str(image_id)]
    if not keypoints[:, 2].any():
        conversion.leave_out(NO_KEYPOINT)
    elif min(box[2:]) <= 0:
        conversion.leave_out("empty box")
    elif (image := images.find(stated)) is None:
        conversion.leave_out_missing_image(stated.name, refused=stated.is_outside)
    else:
        center, scale = around_box(box)
        record = make_record(
            dataset="animal_pose",
            validation=False,
            path=image.relative_to(conversion.image_folder).as_posix(),
            center=center,
            scale=scale,
            keypoints=keypoints,
            box=box,
            area=box[2] * box[3],
            image_id=image_id,
        )
        conversion.add(record, image)
