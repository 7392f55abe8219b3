"""A COCO annotation file as a target, alone or joined with a dataset of the same images."""

import os
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.records import Records
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation.ground_truth import read_ground_truth
from simplebase.evaluation.target import Target, counts
from simplebase.skeletons import Skeleton

_SAME_PIXELS = 1.0
"""How far apart a keypoint may be in two copies of a label, because tools round coordinates."""


def with_annotations(
    path: str | os.PathLike[str],
    target: Target | None = None,
    skeleton: Skeleton | None = None,
    categories: Sequence[str] = (),
) -> Target:
    """Returns the labels of a COCO annotation file, including crowds and images without objects.

    Args:
        path: the file, see `read_ground_truth`.
        target: a dataset of the same images, whose records a model predicts. Its images get the ids
            that they have in the file. Labels of images in the dataset's other split, and of its
            skipped images, are left out.
        skeleton: the skeleton of the file's keypoints. By default it comes from the categories.
        categories: names or ids of the categories to evaluate. By default all with keypoints.

    Raises:
        ArgumentError: the file does not have a given category.
        MissingFileError: `path` is not a file.
        DataError: it is not a COCO file, or lacks an image of the dataset.
    """
    known = skeleton if target is None else target.skeleton
    truth, found = read_ground_truth(path, categories=categories, skeleton=known)
    names = {image["id"]: _file_name(image) for image in truth["images"]}
    of_file = Target(
        str(path),
        found.skeleton,
        truth,
        None,
        np.zeros(0),
        names,
        category_ids=found.ids,
        other_categories=(found.all_ids or found.ids) - found.ids,
    )
    if target is None or target.dataset is None:
        _warn_of_lost(of_file)
        return of_file
    if found.names and found.names != target.skeleton.keypoints:
        warnings.warn(
            f"{path} and {target.name} name their keypoints differently: {', '.join(found.names)} "
            f"against {', '.join(target.skeleton.keypoints)}. They are compared by their order.",
            SimplebaseWarning,
            stacklevel=2,
        )
    joined = _joined(target, target.dataset, of_file)
    _warn_of_lost(of_file)
    return joined


def _warn_of_lost(file: Target) -> None:
    """Warns of annotations whose image is not listed, which pycocotools ignores silently."""
    images = file.image_ids
    if lost := sum(each["image_id"] not in images for each in file.ground_truth["annotations"]):
        warnings.warn(
            f"{file.name}: annotations of images that the file does not list: {lost}. They do not "
            "count.",
            SimplebaseWarning,
            stacklevel=3,
        )


def _joined(target: Target, dataset: KeypointDataset, file: Target) -> Target:
    """Gives a dataset's records the image ids of a COCO file, and takes the file's labels."""
    ids = _ids_in_file(target, dataset.records, file)
    others = _others_in_file(target, file, ids)
    skipped = frozenset(ids[image] for image in target.skipped_images if image in ids)
    left_out = others | skipped
    truth = file.ground_truth
    images = [each for each in truth["images"] if each["id"] not in left_out]
    objects = [each for each in truth["annotations"] if each["image_id"] not in left_out]
    own_names = {ids[image]: name for image, name in target.names.items() if image in ids}
    names = {image: name or own_names.get(image) for image, name in file.names.items()}
    records = dataset.records
    renumbered = np.array([ids[image] for image in records.image_ids.tolist()], np.int64)
    return replace(
        file,
        name=target.name,
        skeleton=target.skeleton,
        ground_truth={**truth, "images": images, "annotations": objects},
        dataset=replace(dataset, records=replace(records, image_ids=renumbered)),
        areas=target.areas,
        names={image: name for image, name in names.items() if image not in others},
        skipped_images=skipped,
    )


def _ids_in_file(target: Target, records: Records, file: Target) -> dict[int, int]:
    """Returns the image ids of a COCO file by the ids of the same images in a target.

    Images are matched by file name. If some names do not match, and those that do agree with the
    ids, images are matched by id. If no name matches, labels must agree too.

    Raises:
        DataError: the file lacks an evaluated image, or has other images.
    """
    images = file.image_names
    measured = target.image_ids
    found = {own: images.by_name(name or "", prefer=own) for own, name in target.names.items()}
    named = {own: image for own, image in found.items() if image is not None}
    if measured <= set(named) and len(set(named.values())) == len(named):
        changed = [own for own, image in named.items() if own != image]
        if changed and target.id_source == "own":
            first = changed[0]
            warnings.warn(
                f"{file.name} and {target.name} number their images differently: "
                f"{target.names[first]} is {named[first]} and {first}. They are matched by file "
                f"name, and results by the ids of {file.name}.",
                SimplebaseWarning,
                stacklevel=4,
            )
        return named
    agree = all(own == image for own, image in named.items())
    if target.id_source == "own" and agree and measured <= images.ids:
        if not named and any(file.names.values()):
            _require_same_labels(target, records, file)
            warnings.warn(
                f"No image has the same file name in {file.name} and {target.name}. The images "
                "are matched by id, because their labels agree.",
                SimplebaseWarning,
                stacklevel=4,
            )
        return {own: own for own in target.names if own in images.ids}
    if missing := measured - set(named):
        first = min(missing)
        raise DataError(
            f"{file.name} lacks {len(missing)} of the {len(measured)} images of {target.name}, "
            f"such as {target.names[first]}, whose id is {first}. Are both of the same split?"
        )
    raise DataError(
        f"{file.name}: several images of {target.name} match the same image of this file by "
        "name. Write the folder into each file_name."
    )


def _require_same_labels(target: Target, records: Records, file: Target) -> None:
    """Raises an error if no object agrees with the dataset's object in the image with its id."""
    labels = defaultdict(list)
    for each in file.ground_truth["annotations"]:
        labels[each["image_id"]].append(np.array(each["keypoints"], float).reshape(-1, 3))
    for image, keypoints in zip(records.image_ids.tolist(), records.keypoints, strict=True):
        labelled = keypoints[:, 2] > 0
        for other in labels[image]:
            if np.abs(other - keypoints)[labelled, :2].max(initial=0) <= _SAME_PIXELS:
                return
    own = next(iter(target.names.values()))
    theirs = next(name for name in file.names.values() if name)
    raise DataError(
        f"{file.name} has the image ids of {target.name}, but other file names ({theirs}, not "
        f"{own}) and other keypoints. Are both of the same split?"
    )


def _others_in_file(target: Target, file: Target, ids: Mapping[int, int]) -> set[int]:
    """Returns the file's ids of the dataset's images that are not evaluated.

    Only images with labels are considered, because every image of a dataset has a record.
    """
    images = file.image_names
    found = {images.by_name(name, prefer=image) for name, image in target.others.items()}
    if not any(images.by_name(name or "") for name in target.names.values()):
        # No name matches, so the images were matched by id.
        found |= set(target.others.values())
    labelled = {each["image_id"] for each in file.ground_truth["annotations"] if counts(each)}
    return (labelled & found) - set(ids.values())


def _file_name(image: Mapping[str, Any]) -> str | None:
    name = image.get("file_name")
    return name if isinstance(name, str) else None
