"""The labels of an evaluation, from a dataset, a COCO annotation file, or both."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID, coco_ground_truth, with_ids
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, SimplebaseWarning
from simplebase.evaluation.image_names import ImageNames
from simplebase.skeletons import Skeleton

ImageSet = Literal["val", "train", "all"]

IdSource = Literal["own", "numbers", "renumbered"]
"""Where image ids come from: `own` from the records or a COCO file; `numbers` if no record has one;
`renumbered` if some records have ids, but these are missing elsewhere or not unique."""


@dataclass(frozen=True, eq=False)
class Target:
    """The labelled objects of an evaluation.

    Args:
        name: its name in messages.
        skeleton: the skeleton of the labels.
        ground_truth: the labels in COCO's format, for its AP.
        dataset: the same objects as records with ids; `None` if there is only a COCO file.
        areas: `(N,)` areas of the records in square pixels; empty if there are none.
        names: file names by id of the evaluated and the skipped images; `None` where a COCO file
            has none.
        id_source: where the image ids come from.
        others: ids by file name of the images in the dataset's other split. An evaluated image may
            have the same id.
        skipped_images: ids of images in this split that cannot be read and are not evaluated.
        category_ids: the category ids of the objects in the COCO file.
        other_categories: the ids of the file's other categories.
    """

    name: str
    skeleton: Skeleton
    ground_truth: dict[str, Any]
    dataset: KeypointDataset | None
    areas: np.ndarray
    names: Mapping[int, str | None] = field(default_factory=dict)
    id_source: IdSource = "own"
    others: Mapping[str, int] = field(default_factory=dict)
    skipped_images: frozenset[int] = frozenset()
    category_ids: frozenset[int] = frozenset({CATEGORY_ID})
    other_categories: frozenset[int] = frozenset()

    def without_unreadable(self, readable: KeypointDataset) -> "Target":
        """Returns the target with only those records whose images can be read, with their ids."""
        left = _target(readable)
        return replace(
            self,
            ground_truth=left.ground_truth,
            dataset=readable,
            areas=left.areas,
            skipped_images=frozenset(self.image_ids - left.image_ids),
        )

    @property
    def image_ids(self) -> set[int]:
        """The ids of the evaluated images."""
        return {image["id"] for image in self.ground_truth["images"]}

    @property
    def image_names(self) -> ImageNames:
        """Finds the evaluated and the skipped images by name."""
        return ImageNames(self.names)

    @property
    def num_objects(self) -> int:
        """The number of labelled objects that count."""
        if self.dataset is not None:
            return len(self.dataset)
        objects = self.ground_truth["annotations"]
        images = self.image_ids
        return sum(1 for each in objects if counts(each) and each["image_id"] in images)

    @property
    def category_id(self) -> int:
        """The category id of the objects in `ground_truth`."""
        return self.ground_truth["categories"][0]["id"]


def dataset_target(dataset: KeypointDataset, image_set: ImageSet = "val") -> Target:
    """Returns the labels of a split of a dataset.

    The image ids are those of the records if every image of the split has a unique id; the other
    split may use the same ids. Otherwise images are numbered from 1, with a warning if some records
    have ids.

    Args:
        dataset: the whole dataset; it gets ids if it has none.
        image_set: the split.

    Raises:
        DataError: the split is empty.
    """
    numbered = with_ids(dataset.records, by_split=image_set != "all", lowest=0)
    chosen = whole = replace(dataset, records=numbered)
    mask = np.ones(len(dataset), bool)
    if image_set != "all":
        chosen = whole.validation if image_set == "val" else whole.train
        mask = numbered.validation == (image_set == "val")
    own = dataset.records.image_ids[mask]
    source: IdSource = "own"
    if (own != chosen.records.image_ids).any():
        source = "numbers" if (own == -1).all() else "renumbered"
    if source == "renumbered":
        warnings.warn(
            f"{dataset.name}: the image ids of {_described(image_set)} are not unique or not "
            "complete, so the images are numbered from 1. Results of other tools are matched by "
            "file_name, which newly written results also have.",
            SimplebaseWarning,
            stacklevel=2,
        )
    others = _names(whole.select(~mask)) if not mask.all() else {}
    return replace(
        _target(chosen), id_source=source, others={name: image for image, name in others.items()}
    )


def _described(image_set: ImageSet) -> str:
    return "the train and val splits together" if image_set == "all" else f"the {image_set} split"


def _target(chosen: KeypointDataset) -> Target:
    """Returns the target of a dataset whose records have ids."""
    truth = coco_ground_truth(chosen.records, chosen.skeleton)
    areas = np.array([each["area"] for each in truth["annotations"]])
    return Target(chosen.name, chosen.skeleton, truth, chosen, areas, _names(chosen))


def _names(dataset: KeypointDataset) -> dict[int, str]:
    records = dataset.records
    return dict(zip(records.image_ids.tolist(), records.paths.tolist(), strict=True))


def counts(annotation: Mapping[str, Any]) -> bool:
    """Returns whether an object counts in COCO's evaluation: it is no crowd and has a keypoint."""
    return bool(annotation["num_keypoints"]) and not annotation["iscrowd"]


def require_dataset(target: Target, what: str) -> KeypointDataset:
    """Returns the records of a target.

    Args:
        target: any target.
        what: what needs the records, for the message.

    Raises:
        ArgumentError: there is only a COCO file.
    """
    if target.dataset is None:
        raise ArgumentError(
            f"{what} needs a dataset folder: give --dataset. `simplebase convert coco` makes one "
            f"from {target.name}."
        )
    return target.dataset
