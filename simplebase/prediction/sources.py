"""Lists inputs: images, folders, patterns, videos, datasets, COCO files, lists, addresses."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.data.dataset import KeypointDataset, annotation_file
from simplebase.data.loading import load_dataset
from simplebase.data.packed.location import MANIFEST, is_packed
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import read_json
from simplebase.geometry import PERSON_PIXELS, Crop, Size
from simplebase.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from simplebase.prediction.inputs import Inputs, ObjectBoxes, common_root, is_address
from simplebase.prediction.lists import LIST_SUFFIXES, Listed, objects_of, read_list
from simplebase.prediction.locations import list_address
from simplebase.skeletons import Skeleton

_READ = (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)


def find_inputs(
    sources: Sequence[str | os.PathLike[str]],
    *,
    crop: Crop,
    input_size: Size,
    skeleton: Skeleton,
    images: str | os.PathLike[str] | None = None,
) -> Inputs:
    """Lists the images and videos of the sources without opening them.

    Args:
        sources: see `simplebase.predict`.
        crop: the model's crop, which determines the boxes of a dataset's records.
        input_size: `(H, W)` of the model's input, for the same purpose.
        skeleton: the model's skeleton, for datasets without a skeleton of their own.
        images: the folder, or its address, that the names in a COCO file are relative to. By
            default, the file's own folder and those beside it are searched.

    Raises:
        ArgumentError: the sources cannot be combined.
        MissingFileError: a source does not exist.
        DataError: a source holds no image and no video, or is damaged.
    """
    if not sources:
        raise ArgumentError("give at least one image, folder, pattern, video, dataset or list.")
    texts = [os.fspath(source) for source in sources]
    whole = {text: kind for text in texts if (kind := _kind_of_whole(text))}
    if images is not None and "coco" not in whole.values():
        raise ArgumentError("--images goes with a COCO file: it names the folder of its images.")
    if whole:
        if len(texts) > 1:
            given = next(iter(whole))
            raise ArgumentError(
                f"{given} is a dataset or a list, and must be predicted alone. Received: "
                f"{len(texts)} sources."
            )
        text, kind = whole.popitem()
        if kind == "coco":
            return _coco(Path(text), images)
        if kind == "list":
            return _from_list(text)
        return _dataset(load_dataset(text, _needed(text, skeleton)), text, crop, input_size)
    paths = [path for text in texts for path in _paths(text)]
    return Inputs(", ".join(texts), paths, common_root(paths))


def _kind_of_whole(text: str) -> str | None:
    """Returns `dataset`, `coco` or `list`; None for images and videos."""
    suffix = Path(text).suffix.lower()
    if suffix == ".json" and Path(text).is_file():
        return "coco"
    if suffix in LIST_SUFFIXES:
        return "list"
    if is_address(text):
        return None
    folder = Path(text)
    if folder.is_dir() and (annotation_file(folder).is_file() or (folder / MANIFEST).is_file()):
        return "dataset"
    return None


def _paths(text: str) -> list[str]:
    """Returns the images and videos of a file name, folder, pattern or address."""
    if is_address(text):
        found = list_address(text)
    elif os.path.isdir(text):
        folder = os.path.abspath(text)
        found = sorted(entry.path for entry in os.scandir(folder) if entry.is_file())
    elif os.path.exists(text):
        if Path(text).suffix.lower() not in _READ:
            raise DataError(
                f"{text} is neither an image ({', '.join(IMAGE_SUFFIXES)}), a video "
                f"({', '.join(VIDEO_SUFFIXES)}) nor a list ({', '.join(LIST_SUFFIXES)})."
            )
        return [os.path.abspath(text)]
    elif glob.has_magic(text):
        found = sorted(os.path.abspath(name) for name in glob.iglob(text, recursive=True))
    else:
        raise MissingFileError(f"{text} does not exist. Check the path.")
    chosen = [path for path in found if path.lower().endswith(_READ)]
    if not chosen:
        raise DataError(
            f"{text}: there is no image ({', '.join(IMAGE_SUFFIXES)}) and no video "
            f"({', '.join(VIDEO_SUFFIXES)}) there. For images in subfolders, give a pattern: "
            f"'{text.rstrip('/')}/**/*.jpg'."
        )
    return chosen


def _needed(folder: str, skeleton: Skeleton) -> Skeleton | None:
    """Returns the model's skeleton if the dataset has none of its own."""
    has_own = is_packed(folder) or (Path(folder) / "classes.txt").exists()
    return None if has_own else skeleton


def _dataset(dataset: KeypointDataset, folder: str, crop: Crop, size: Size) -> Inputs:
    """Returns the objects of the records, with the boxes that `eval` cuts out."""
    records = dataset.records
    boxes = record_boxes(records.centers, records.scales, crop, size)
    if is_packed(folder):
        # Each record of a packed dataset has its own image, which is a crop.
        paths = records.paths.tolist()
        starts = np.arange(len(paths) + 1)
        objects = ObjectBoxes(boxes, starts, records.annotation_ids)
        location = folder if is_address(folder) else os.path.abspath(folder)
        return Inputs(folder, paths, "", records.image_ids, objects, location)
    root = os.path.abspath(Path(folder) / "images")
    rows = [
        (os.path.join(root, path), box, int(image), int(annotation))
        for path, box, image, annotation in zip(
            records.paths.tolist(),
            boxes,
            records.image_ids.tolist(),
            records.annotation_ids.tolist(),
            strict=True,
        )
    ]
    # Records of one image need not follow each other.
    order = {path: place for place, path in enumerate(dict.fromkeys(row[0] for row in rows))}
    rows.sort(key=lambda row: order[row[0]])
    listed = Listed(
        [row[0] for row in rows],
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.int64),
    )
    return objects_of(listed, folder, root)


def record_boxes(centers: np.ndarray, scales: np.ndarray, crop: Crop, size: Size) -> np.ndarray:
    """Returns boxes `(N, 4)` x, y, width, height that give the same crops as the records.

    Args:
        centers: `(N, 2)` x, y in image pixels.
        scales: `(N,)` longer sides of the objects' boxes in pixels, divided by 200.
        crop: the model's crop.
        size: `(H, W)` of the model's input.
    """
    height = PERSON_PIXELS * scales
    sides = np.stack([height * size[1] / size[0], height], axis=1)
    middle = centers + np.stack([np.zeros_like(scales), crop.center_shift * scales], axis=1)
    # A box from 0 to w covers the pixel centres 0 to w - 1.
    return np.concatenate([middle - (sides - 1) / 2, sides], axis=1)


def _from_list(text: str) -> Inputs:
    listed = read_list(text)
    if not listed.paths:
        raise DataError(f"{text} lists no image.")
    unread = next((p for p in listed.paths if not p.lower().endswith(_READ)), None)
    if unread is not None:
        raise DataError(
            f"{text} lists {unread!r}, which is neither an image ({', '.join(IMAGE_SUFFIXES)}) nor "
            f"a video ({', '.join(VIDEO_SUFFIXES)})."
        )
    return objects_of(listed, text, common_root(listed.paths))


def _coco(path: Path, folder: str | os.PathLike[str] | None) -> Inputs:
    """Returns the images of a COCO file, and the boxes of its annotations if it has any."""
    content = read_json(path)
    try:
        names = {int(image["id"]): str(image["file_name"]) for image in content["images"]}
        own = [each for each in content.get("annotations", []) if "bbox" in each]
        found: dict[int, list[tuple[list[float], int]]] = {image: [] for image in names}
        for each in own:
            box = [float(value) for value in each["bbox"]]
            if not each.get("iscrowd") and len(box) == 4 and min(box[2:]) > 0:
                found[int(each["image_id"])].append((box, int(each.get("id", -1))))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path}: expected a COCO file with images (id, file_name) and annotations (image_id, "
            f"bbox), or a list of paths as .txt, .csv or .parquet. Its content does not fit: "
            f"{error!r}."
        ) from error
    if not names:
        raise DataError(f"{path} lists no image.")
    root = _image_root(path, next(iter(names.values())), folder)
    paths = [_below(root, name) for name in names.values()]
    ids = np.array(list(names), np.int64)
    if not own:
        return Inputs(str(path), paths, root, ids)
    counts = [len(found[image]) for image in names]
    rows = [row for image in names for row in found[image]]
    objects = ObjectBoxes(
        np.array([box for box, _ in rows], float).reshape(-1, 4),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([identity for _, identity in rows], np.int64),
    )
    return Inputs(str(path), paths, root, ids, objects)


def _below(root: str, name: str) -> str:
    if is_address(root):
        return f"{root.rstrip('/')}/{name}"
    return os.path.normpath(os.path.join(root, name))


def _image_root(path: Path, first: str, folder: Any) -> str:
    if folder is not None:
        text = os.fspath(folder)
        return text if is_address(text) else os.path.abspath(text)
    own = Path(os.path.abspath(path)).parent
    for root in (own, own / "images", own.parent / "images", own.parent):
        if (root / first).is_file():
            return str(root)
    raise MissingFileError(
        f"{path}: its first image, {first}, is not in {own} or {own.parent}, nor in an images/ "
        "folder there. Name the folder of the images with --images FOLDER."
    )
