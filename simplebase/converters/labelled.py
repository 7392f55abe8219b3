"""The common part of readers of labelling tools: converts objects with named points to records.

A reader parses its format into a `LabelledImage` for each image; `to_conversion` finds the images,
sizes the objects and holds out the validation split.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.conversion import NO_KEYPOINT, Conversion, draw_held_out
from simplebase.converters.image_files import EmbeddedImage, ImageSource
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.placement import around_box, around_keypoints, boxless_note
from simplebase.converters.single_points import UNSIZED, size_single_points
from simplebase.data.object_sizes import has_size
from simplebase.data.records import make_record
from simplebase.errors import DataError, shown
from simplebase.geometry import Size
from simplebase.skeletons import Skeleton, pairs_by_name
from simplebase.skeletons.sides import pairs_text

TRAIN, VAL = "train", "val"
TEST_RECORD = "record of the test split"

_MAGIC = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"BM": ".bmp", b"RIFF": ".webp"}
_BAD_EMBEDDED = "embedded image that cannot be read"
_IN_BOTH = "train record whose image is in the val split"


@dataclass
class LabelledObject:
    """One object of an image.

    Args:
        points: x, y, visibility by keypoint name, in pixels, with integers at pixel centres.
            Missing keypoints are unlabelled.
        box: x, y, width, height in pixels, from the outer edge of its first pixels, as in COCO.
    """

    points: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class LabelledImage:
    """The labels of one image.

    Args:
        image: its stated path.
        size: the stated `(height, width)`.
        objects: its objects.
        where: the file and the place in it, for messages.
        group: `train` or `val` if the format states it, else empty.
        embedded: the image inside the label file, used if there is none at the stated path.
        embedded_name: its path in our dataset, without a suffix.
    """

    image: StatedImage
    size: Size | None
    objects: list[LabelledObject]
    where: str
    group: str = ""
    embedded: EmbeddedImage | None = None
    embedded_name: str = ""


def groups_of_splits(splits: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Assigns the images of each split to a group; returns also the notes on that.

    Args:
        splits: the splits that occur: `train`, `val`, `test` and others.

    Returns:
        `train` and `val` by split. `test` is used as `val` if there is no `val`. Otherwise `test`,
        like other splits, is absent, and its images are left out.
    """
    groups = {TRAIN: TRAIN, VAL: VAL}
    if VAL in splits or "test" not in splits:
        return groups, []
    notes = ["the test split is held out, because there is no val split"] if TRAIN in splits else []
    return groups | {"test": VAL}, notes


def infer_skeleton(
    name: str, images: Iterable[LabelledImage], keypoints: Iterable[str] = ()
) -> tuple[Skeleton, list[str]]:
    """Returns a skeleton of all keypoints that occur, and notes on it.

    Args:
        name: name of the skeleton.
        images: all images of the dataset.
        keypoints: names that come first, in this order, even if they do not occur.

    Raises:
        DataError: there are no points.
    """
    named = [point for image in images for each in image.objects for point in each.points]
    names = tuple(dict.fromkeys([*keypoints, *named]))
    skeleton = Skeleton(name, names, pairs_by_name(names))
    return skeleton, [
        "keypoints, in order of appearance: " + ", ".join(names),
        pairs_note(skeleton),
    ]


def pairs_note(skeleton: Skeleton) -> str:
    """Returns the note on flip pairs that were inferred from names."""
    return f"flip pairs, inferred from the names: {pairs_text(skeleton.horizontal_pairs)}"


def to_conversion(
    source: Path,
    sources: list[Path],
    images: Sequence[LabelledImage],
    skeleton: Skeleton,
    *,
    dataset: str,
    folder_option: str = "",
    val_split: float = 0.1,
    seed: int = 0,
    left_out: Mapping[str, int] | None = None,
    notes: Iterable[str] = (),
) -> Conversion:
    """Converts labelled objects to records.

    An object without a usable box gets the size of the box around its keypoints plus a tenth. If
    only some images belong to the val split, that split is kept; otherwise it is drawn.

    Args:
        source: the folder below which images are searched.
        sources: the label files that were read.
        images: the content of the label files.
        skeleton: a skeleton with all keypoints that occur.
        dataset: the format's name, for the records.
        folder_option: the command and option that name another image folder, if there is one.
        val_split: fraction of the images that are held out, where it is drawn.
        seed: seed of the random split.
        left_out: counts of what the reader left out, by reason.
        notes: inferences of the reader.

    Raises:
        DataError: a keypoint is not in the skeleton, a number is beyond any image, or an image's
            name matches several files.
    """
    conversion = Conversion(
        skeleton,
        source,
        sources,
        left_out=+Counter(left_out or {}),
        notes=list(notes),
        folder_option=folder_option,
    )
    builder = _Builder(conversion, ImageSearch(source, [each.image for each in images]), dataset)
    for image in images:
        builder.add(image)
    builder.drop_train_records_of_val_images()
    if builder.boxless:
        conversion.notes.append(boxless_note(builder.boxless))
    size_single_points(conversion, builder.singles)
    conversion.notes += builder.search.notes()
    held_out = builder.groups[VAL]
    if not held_out or held_out >= conversion.images.keys():
        held_out = draw_held_out(conversion.images, val_split, seed)
    conversion.hold_out(held_out)
    return conversion


class _Builder:
    """Adds images to a conversion, one after another."""

    def __init__(self, conversion: Conversion, search: ImageSearch, dataset: str) -> None:
        self.conversion = conversion
        self.search = search
        self.dataset = dataset
        self.singles: list[dict[str, Any]] = []
        """Records whose labels do not determine a size."""
        self.boxless = 0
        """Records whose size comes from their keypoints."""
        self.groups: dict[str, set[str]] = {TRAIN: set(), VAL: set(), "": set()}
        """Paths of the images in each split."""
        self._train_records: list[dict[str, Any]] = []

    def add(self, image: LabelledImage) -> None:
        """Adds the objects of an image, or counts them if the image is missing."""
        keypoints = [self._keypoints(each, image.where) for each in image.objects]
        usable = [
            (points, each.box)
            for points, each in zip(keypoints, image.objects, strict=True)
            if (points[:, 2] > 0).any()
        ]
        if len(usable) < len(keypoints):
            self.conversion.leave_out(NO_KEYPOINT, len(keypoints) - len(usable))
        if not usable:
            return
        found = self._find(image)
        if isinstance(found, str):
            self.conversion.leave_out(found, len(usable))
        elif found is None:
            stated = image.image
            for _ in usable:
                self.conversion.leave_out_missing_image(
                    stated.path or stated.name, refused=stated.is_outside
                )
        else:
            name, file = found
            for points, box in usable:
                self._add_record(image, name, file, points, box)
            if image.size:
                self.conversion.stated_sizes.setdefault(name, image.size)
            self.groups[image.group].add(name)

    def drop_train_records_of_val_images(self) -> None:
        """Leaves out train records whose image is in the val split."""
        val = self.groups[VAL]
        dropped = {id(each) for each in self._train_records if each["img_paths"] in val}
        if dropped:
            kept = [each for each in self.conversion.records if id(each) not in dropped]
            self.conversion.keep(kept)
            self.conversion.leave_out(_IN_BOTH, len(dropped))

    def _add_record(
        self,
        image: LabelledImage,
        name: str,
        file: ImageSource,
        keypoints: np.ndarray,
        box: Sequence[float] | None,
    ) -> None:
        if box is not None and not has_size(box):
            box = None
        placement = around_keypoints(keypoints) if box is None else around_box(box)
        record = make_record(
            dataset=self.dataset,
            validation=False,
            path=name,
            center=placement[0] if placement else keypoints[keypoints[:, 2] > 0][0, :2],
            scale=placement[1] if placement else UNSIZED,
            keypoints=keypoints,
            box=box,
        )
        self.conversion.add(record, file)
        if placement is None:
            self.singles.append(record)
        elif box is None:
            self.boxless += 1
        if image.group == TRAIN:
            self._train_records.append(record)

    def _keypoints(self, labelled: LabelledObject, where: str) -> np.ndarray:
        """Returns `(K, 3)` in the order of the skeleton."""
        names = self.conversion.skeleton.keypoints
        if unknown := labelled.points.keys() - set(names):
            raise DataError(
                f"{where}: the label {shown(min(unknown))} is not one of the keypoints "
                f"({', '.join(names)}). Correct it, or add it to classes.txt (--classes-path)."
            )
        return np.array([labelled.points.get(name, (0.0, 0.0, 0.0)) for name in names])

    def _find(self, image: LabelledImage) -> tuple[str, ImageSource] | str | None:
        """Returns an image and its path, or why the embedded one is unusable; `None` if missing."""
        embedded = None
        file = self.search.at_path(image.image)
        if file is None and image.embedded:
            suffix = _suffix(image.embedded.content())
            if suffix:
                return image.embedded_name + suffix, image.embedded
            embedded = _BAD_EMBEDDED
        file = file or self.search.find_by_name(image.image)
        return (file.relative_to(self.search.root).as_posix(), file) if file else embedded


def _suffix(content: bytes) -> str | None:
    """Returns the suffix for an image's kind."""
    found = (suffix for magic, suffix in _MAGIC.items() if content.startswith(magic))
    return next(found, None)
