"""The result of every reader, and writing it as a dataset folder.

A reader of a foreign format fills a `Conversion`; `write_dataset` writes it:

```
OUT/
├── annotations.json   records, origin 0
├── images/            copies, links, or one link to the source's folder
├── classes.txt  match_point.txt  skeleton.txt
```
"""

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.image_files import ImageMode, ImageSource, place_images, require_apart
from simplebase.converters.image_sizes import size_warnings
from simplebase.data.dataset import (
    ANNOTATIONS,
    FOLDER_CONTENT,
    FOLDER_MARKERS,
    IMAGES,
    own_skeleton,
)
from simplebase.data.fields import record_problems
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    SimplebaseWarning,
    counted,
)
from simplebase.files import replacing, write_json
from simplebase.geometry import Size
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, write_text_files
from simplebase.skeletons.textfiles import SKELETON

NO_IMAGE = "image not found"
NO_KEYPOINT = "no labelled keypoint"
REFUSED_PATH = "image path leaves the folder"


@dataclass
class Conversion:
    """Records that are converted from a foreign format.

    Args:
        skeleton: the skeleton of the records.
        image_folder: the source's image folder, in which images were searched.
        sources: the label files that were read. The output must not contain them.
        records: records from `make_record`.
        images: the source of each image, by its path in `img_paths`.
        left_out: number of records that were left out, by reason. If something else is counted, the
            reason starts with its name: `shape: `, `file: `.
        notes: inferences that the user should know.
        warnings: likely errors.
        stated_sizes: `(height, width)` of the images by path, if the label file states it.
        folder_option: the command and option that name another image folder, if there is one.
        first_missing: the first stated image that was not found.
    """

    skeleton: Skeleton
    image_folder: Path
    sources: list[Path] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, ImageSource] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stated_sizes: dict[str, Size] = field(default_factory=dict)
    folder_option: str = ""
    first_missing: str | None = None

    def add(self, record: dict[str, Any], image: ImageSource) -> None:
        """Adds a record and the image of its `img_paths`.

        Raises:
            DataError: another image already has that path, or the record's numbers are beyond any
                image.
        """
        path = record["img_paths"]
        skeleton = self.skeleton
        for problem in record_problems(record, skeleton.num_keypoints, skeleton.name):
            raise DataError(f"{self.image_folder}, labels of {path}: {problem}")
        if self.images.setdefault(path, image) != image:
            raise DataError(f"{self.image_folder}: two images would be called {path}. Rename one.")
        self.records.append(record)

    def keep(self, records: list[dict[str, Any]]) -> None:
        """Keeps only these records and their images."""
        self.records = records
        paths = {record["img_paths"] for record in records}
        self.images = {path: image for path, image in self.images.items() if path in paths}

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Counts records that are not converted."""
        self.left_out[reason] += count

    def leave_out_missing_image(self, image: str, *, refused: bool = False) -> None:
        """Counts a record whose image does not exist.

        Args:
            image: the path in the label file.
            refused: whether that path leads out of the image folder.
        """
        self.first_missing = self.first_missing or image
        self.leave_out(REFUSED_PATH if refused else NO_IMAGE)

    def hold_out(self, paths: Iterable[str]) -> None:
        """Makes the records of these images the validation split, all others the train split."""
        chosen = set(paths)
        for record in self.records:
            record["isValidation"] = float(record["img_paths"] in chosen)

    def require_records(self) -> None:
        """Raises an error with the reasons if there is nothing to write.

        Raises:
            MissingFileError: there are no records, because the image folder does not exist.
            DataError: there are no records.
        """
        if self.records:
            return
        if self.first_missing is not None:
            if not self.image_folder.is_dir():
                raise MissingFileError(
                    f"{self.image_folder}: the folder of the images does not exist. Check the path."
                )
            missing = self.left_out[NO_IMAGE] + self.left_out[REFUSED_PATH]
            other = self.folder_option and f", or name their folder with `{self.folder_option}`"
            raise DataError(
                f"{self.image_folder}: no image of the {counted(missing, 'record')} was found "
                f"there; the first is {self.first_missing!r}. Put the images or videos "
                f"there{other}."
            )
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
        raise DataError(f"{self.image_folder}: no record is left to convert ({reasons or 'none'}).")


@dataclass(frozen=True)
class ConversionReport:
    """The written and omitted records of a conversion."""

    train_records: int
    train_images: int
    val_records: int
    val_images: int
    left_out: dict[str, int]
    notes: list[str]
    warnings: list[str]

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for a JSON file."""
        return asdict(self)


def draw_held_out(paths: Iterable[str], fraction: float, seed: int) -> set[str]:
    """Draws the images of the validation split; the same seed draws the same images.

    Args:
        paths: image paths. A path that occurs several times is one image.
        fraction: fraction of the images, rounded; at least one image and never all, unless it is 0.
        seed: 0 or above.

    Raises:
        ArgumentError: `fraction` or `seed` is out of range.
    """
    if not 0 <= fraction < 1:
        raise ArgumentError(
            f"the validation split must be 0 or more and below 1. Received: {fraction}."
        )
    if seed < 0:
        raise ArgumentError(f"seed must be 0 or above. Received: {seed}.")
    names = sorted(set(paths))
    if fraction == 0 or len(names) < 2:
        return set()
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    return {names[index] for index in np.random.default_rng(seed).permutation(len(names))[:count]}


def write_dataset(
    conversion: Conversion,
    output: str | os.PathLike[str],
    *,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder, and warns of likely errors in it.

    Args:
        conversion: the result of a reader.
        output: the folder to write, which appears only when it is complete.
        images: `copy`, `link` (a symbolic link per image) or `none` (`images` is a single link to
            the source's image folder).
        overwrite: replace `output` if it is a dataset.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` contains the source, or `images` is not possible for it.
        DataError: no record is left.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    conversion.require_records()
    images_read = [image for image in conversion.images.values() if isinstance(image, Path)]
    require_apart(output, [conversion.image_folder, *conversion.sources, *images_read])
    skeleton = _with_earlier_links(conversion.skeleton, Path(output))
    doubts = conversion.warnings + size_warnings(
        conversion.stated_sizes, conversion.images, progress
    )
    with replacing(
        output,
        overwrite=overwrite,
        folder_markers=FOLDER_MARKERS,
        folder_content=FOLDER_CONTENT,
    ) as partial:
        partial.mkdir()
        place_images(
            conversion.images, partial / IMAGES, images, conversion.image_folder, progress=progress
        )
        write_json(partial / ANNOTATIONS, conversion.records)
        write_text_files(skeleton, partial)
    for each in doubts:
        warnings.warn(each, SimplebaseWarning, stacklevel=2)
    return summarise(conversion.records, conversion.left_out, conversion.notes, doubts)


def _with_earlier_links(skeleton: Skeleton, output: Path) -> Skeleton:
    """Keeps manually written links of an earlier output if the source has none, such as labelme."""
    if skeleton.links or not (output / SKELETON).exists():
        return skeleton
    earlier = own_skeleton(output)
    if earlier.keypoints != skeleton.keypoints:
        return skeleton
    return replace(skeleton, links=earlier.links)


def summarise(
    records: list[dict[str, Any]],
    left_out: Counter[str],
    notes: Sequence[str] = (),
    doubts: Sequence[str] = (),
) -> ConversionReport:
    """Counts records and images of both splits; `doubts` are the report's warnings."""
    train = [record["img_paths"] for record in records if not record["isValidation"]]
    val = [record["img_paths"] for record in records if record["isValidation"]]
    return ConversionReport(
        train_records=len(train),
        train_images=len(set(train)),
        val_records=len(val),
        val_images=len(set(val)),
        left_out=dict(left_out),
        notes=list(notes),
        warnings=list(doubts),
    )
