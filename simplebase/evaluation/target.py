"""What is measured against: the labels of a dataset, or of a COCO annotation file, or of both."""

import os
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from simplebase.data.coco_format import annotation_ids, coco_ground_truth, image_ids
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError
from simplebase.files import read_json, require_file
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
    """

    name: str
    skeleton: Skeleton
    ground_truth: dict[str, Any]
    dataset: KeypointDataset | None

    @property
    def image_ids(self) -> set[int]:
        """Of all its images."""
        return {image["id"] for image in self.ground_truth["images"]}

    @property
    def category_id(self) -> int:
        """Of its objects."""
        return self.ground_truth["categories"][0]["id"]

    @property
    def areas(self) -> np.ndarray:
        """`(N,)` square pixels of the records."""
        assert self.dataset is not None, "a COCO file has no records"
        truth = coco_ground_truth(self.dataset.records, self.skeleton)
        return np.array([each["area"] for each in truth["annotations"]])


def dataset_target(dataset: KeypointDataset, image_set: ImageSet = "val") -> Target:
    """The labels of a split of a dataset.

    Ids are those of the records, or numbers in the order of the whole dataset, so that a results
    file means the same whatever split is measured.

    Raises:
        DataError: the split is empty.
    """
    records = dataset.records
    images = image_ids(records)
    numbered = replace(
        records,
        image_ids=np.array([images[path] for path in records.paths], np.int64),
        annotation_ids=np.array(annotation_ids(records), np.int64),
    )
    chosen = replace(dataset, records=numbered)
    if image_set != "all":
        chosen = chosen.validation if image_set == "val" else chosen.train
    truth = coco_ground_truth(chosen.records, chosen.skeleton)
    return Target(dataset.name, dataset.skeleton, truth, chosen)


def with_annotations(
    path: str | os.PathLike[str],
    target: Target | None = None,
    skeleton: Skeleton | None = None,
) -> Target:
    """The labels of a COCO annotation file, with crowds and images without objects.

    Args:
        path: the file.
        target: a dataset of the same images, whose records are looked at; else there are none.
        skeleton: what the file follows; by default the keypoints of its category.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not COCO's, or shares no image with the dataset.
    """
    path = require_file(path, "the annotation file")
    content = read_json(path)
    if not isinstance(content, dict) or not content.get("categories"):
        raise DataError(f"{path}: expected a COCO annotation file with its categories.")
    if target is not None:
        both = Target(target.name, target.skeleton, content, target.dataset)
        if not both.image_ids & target.image_ids:
            raise DataError(
                f"{path} has none of the image ids of {target.name}. Are both of the same split?"
            )
        return both
    return Target(str(path), skeleton or _category_skeleton(path, content), content, None)


def _category_skeleton(path: object, content: dict[str, Any]) -> Skeleton:
    names = content["categories"][0].get("keypoints")
    if not names:
        raise DataError(f"{path}: its category {content['categories'][0]} has no keypoints.")
    coco = load_skeleton("coco")
    return coco if tuple(names) == coco.keypoints else Skeleton("annotations", tuple(names))


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
