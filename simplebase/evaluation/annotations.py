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
"""How far apart a keypoint may be in two copies of a label: tools round them."""


def with_annotations(
    path: str | os.PathLike[str],
    target: Target | None = None,
    skeleton: Skeleton | None = None,
    categories: Sequence[str] = (),
) -> Target:
    """The labels of a COCO annotation file, with crowds and images without objects.

    Args:
        path: the file, see `read_ground_truth`.
        target: a dataset of the same images, whose records are looked at; else there are none. Its
            images get the ids that they have in the file. What the file has in its other and its
            skipped images does not count.
        skeleton: what the file follows; by default the keypoints of its categories.
        categories: which of the file, by name or id; by default all with keypoints.

    Raises:
        ArgumentError: the file has no such category.
        MissingFileError: `path` is not a file.
        DataError: it is not COCO's, or lacks an image of the dataset.
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
    """The official evaluation says nothing of annotations whose image is not listed."""
    images = file.image_ids
    if lost := sum(each["image_id"] not in images for each in file.ground_truth["annotations"]):
        warnings.warn(
            f"{file.name}: {lost} annotations are of images that it does not list, and do not "
            "count.",
            SimplebaseWarning,
            stacklevel=3,
        )


def _joined(target: Target, dataset: KeypointDataset, file: Target) -> Target:
    """The records of a dataset under the image ids of a COCO file, and the file's labels."""
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
    """What a COCO file calls the images of a target, by the ids that they have there.

    The file names tell. The ids do where the names of some images do not, but contradict no id. If
    no name tells anything, the labels must be alike.

    Raises:
        DataError: the file lacks an image that is measured, or is of other images.
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
                f"{file.name} calls no image by the name that it has in {target.name}. The images "
                "are matched by their ids, since their labels are alike.",
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
        f"{file.name}: several images of {target.name} could be the same image of it, by their "
        "file names. Write the folder into the file's file_name."
    )


def _require_same_labels(target: Target, records: Records, file: Target) -> None:
    """Refuses a file in which no image has a labelled object of the dataset's image of its id."""
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
    """Ids in the file of the dataset's images that are not measured, as far as it has them.

    An image without labels is none of them, whatever its name or id: each of them has a record.
    """
    images = file.image_names
    found = {images.by_name(name, prefer=image) for name, image in target.others.items()}
    if not any(images.by_name(name or "") for name in target.names.values()):
        # The names tell nothing, so the ids were believed.
        found |= set(target.others.values())
    labelled = {each["image_id"] for each in file.ground_truth["annotations"] if counts(each)}
    return (labelled & found) - set(ids.values())


def _file_name(image: Mapping[str, Any]) -> str | None:
    name = image.get("file_name")
    return name if isinstance(name, str) else None
