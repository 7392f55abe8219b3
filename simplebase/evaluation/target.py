"""What is measured against: the labels of a dataset, or of a COCO annotation file, or of both."""

import os
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from simplebase.data.coco_format import annotation_ids, coco_ground_truth, image_ids
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError
from simplebase.files import read_json, require_file
from simplebase.metrics import check_ground_truth
from simplebase.skeletons import Skeleton, load_skeleton

ImageSet = Literal["val", "train", "all"]


@dataclass(frozen=True, eq=False)
class Target:
    """Labelled objects.

    Args:
        name: for messages.
        skeleton: what they follow.
        ground_truth: in COCO's format, for its AP.
        dataset: the same objects as records that have ids; `None` if there is only a COCO file.
        areas: `(N,)` square pixels of the records; empty if there are none.
        other_images: ids of the dataset's images that are not measured: those of the other split.
        skipped_images: ids of those of this split that cannot be read, and are not measured either.
    """

    name: str
    skeleton: Skeleton
    ground_truth: dict[str, Any]
    dataset: KeypointDataset | None
    areas: np.ndarray
    other_images: frozenset[int] = frozenset()
    skipped_images: frozenset[int] = frozenset()

    def without_unreadable(self, readable: KeypointDataset) -> "Target":
        """Of the same split only the records that are left; the ids stay as they are."""
        left = dataset_target(readable, "all")
        skipped = frozenset(self.image_ids - left.image_ids)
        return replace(left, other_images=self.other_images, skipped_images=skipped)

    @property
    def image_ids(self) -> set[int]:
        """Of all its images."""
        return {image["id"] for image in self.ground_truth["images"]}

    @property
    def num_objects(self) -> int:
        """Labelled objects that count."""
        if self.dataset is not None:
            return len(self.dataset)
        objects = self.ground_truth["annotations"]
        return sum(1 for each in objects if each["num_keypoints"] and not each["iscrowd"])

    @property
    def category_id(self) -> int:
        """Of its objects."""
        return self.ground_truth["categories"][0]["id"]


def _with_ids(dataset: KeypointDataset) -> KeypointDataset:
    """The whole dataset with ids, so that they mean the same whatever part of it is measured.

    They are those of the records, or numbers in their order.
    """
    records = dataset.records
    images = image_ids(records)
    numbered = replace(
        records,
        image_ids=np.array([images[path] for path in records.paths], np.int64),
        annotation_ids=np.array(annotation_ids(records), np.int64),
    )
    return replace(dataset, records=numbered)


def dataset_target(dataset: KeypointDataset, image_set: ImageSet = "val") -> Target:
    """The labels of a split of a dataset.

    Args:
        dataset: all of it; it gets ids if it has none.
        image_set: the split.

    Raises:
        DataError: the split is empty.
    """
    chosen = everything = _with_ids(dataset)
    if image_set != "all":
        chosen = chosen.validation if image_set == "val" else chosen.train
    truth = coco_ground_truth(chosen.records, chosen.skeleton)
    areas = np.array([each["area"] for each in truth["annotations"]])
    ids = frozenset(everything.records.image_ids.tolist())
    others = ids - set(chosen.records.image_ids.tolist())
    return Target(dataset.name, dataset.skeleton, truth, chosen, areas, others)


def with_annotations(
    path: str | os.PathLike[str],
    target: Target | None = None,
    skeleton: Skeleton | None = None,
) -> Target:
    """The labels of a COCO annotation file, with crowds and images without objects.

    Args:
        path: the file.
        target: a dataset of the same images, whose records are looked at; else there are none. What
            the file has in its other and its skipped images does not count.
        skeleton: what the file follows; by default the keypoints of its category.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not COCO's, or lacks an image of the dataset.
    """
    path = require_file(path, "the annotation file")
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a COCO annotation file.")
    try:
        if skeleton is None:
            skeleton = _category_skeleton(content) if target is None else target.skeleton
        check_ground_truth(content, skeleton)
        ids = {image["id"] for image in content["images"]}
    except (DataError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = str(error) if isinstance(error, DataError) else f"{error!r}"
        raise DataError(f"{path} is no COCO annotation file of keypoints: {reason}") from error
    if target is None:
        return Target(str(path), skeleton, content, None, np.zeros(0))
    if missing := target.image_ids - ids:
        raise DataError(
            f"{path} lacks {len(missing)} of the {len(target.image_ids)} images of {target.name}, "
            f"such as that with the id {min(missing)}. Are both of the same split?"
        )
    return replace(target, ground_truth=_without_images(content, target))


def _without_images(content: dict[str, Any], target: Target) -> dict[str, Any]:
    left_out = target.other_images | target.skipped_images
    images = [each for each in content["images"] if each["id"] not in left_out]
    objects = [each for each in content["annotations"] if each["image_id"] not in left_out]
    return {**content, "images": images, "annotations": objects}


def _category_skeleton(content: dict[str, Any]) -> Skeleton:
    category = content["categories"][0]
    names = tuple(category["keypoints"])
    coco = load_skeleton("coco")
    return coco if names == coco.keypoints else Skeleton(str(category["name"]), names)


def require_dataset(target: Target, what: str) -> KeypointDataset:
    """The records of a target.

    Args:
        target: any.
        what: needs them, for the error.

    Raises:
        ArgumentError: there is only a COCO file.
    """
    if target.dataset is None:
        raise ArgumentError(
            f"{what} needs a dataset folder: give --dataset. `simplebase convert coco` makes one "
            f"from {target.name}."
        )
    return target.dataset
