"""Reads Lightning Pose (https://github.com/paninski-lab/lightning-pose): `CollectedData.csv`.

The table and the meaning of coordinates are those of DeepLabCut, see `table`: the labels come from
DeepLabCut's windows, and an integer is a pixel's centre. Paths of images start at the folder of the
table. There is one animal per image. With several animals, names of keypoints start with that of
the animal.
"""

import os
from collections import Counter
from pathlib import Path

from simplebase.converters.conversion import Conversion
from simplebase.converters.deeplabcut.table import read_keypoint_csv
from simplebase.converters.image_search import StatedImage
from simplebase.converters.labelled import pairs_note, to_conversion
from simplebase.errors import DataError, MissingFileError
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, pairs_by_name


def read_lightning_pose(
    source: str | os.PathLike[str],
    *,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads one table.

    Args:
        source: the table, or the folder that contains it as `CollectedData*.csv`. If there are
            several, `CollectedData.csv` is read.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished label files and the total.

    Raises:
        MissingFileError: there is no table.
        DataError: it is unclear which table is meant, or it cannot be read.
    """
    path, others = _table(Path(source))
    table = read_keypoint_csv(path)
    if progress:
        progress(1, 1)
    names = table.keypoints
    skeleton = Skeleton(path.parent.resolve().name, names, pairs_by_name(names))
    left_out: Counter[str] = Counter()
    stated = [StatedImage(image) for image in table.images]
    return to_conversion(
        path.parent,
        [path],
        table.labelled_images(stated, names, left_out),
        skeleton,
        dataset="lightning-pose",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=["keypoints: " + ", ".join(names), pairs_note(skeleton), *others],
    )


def _table(source: Path) -> tuple[Path, list[str]]:
    """Returns the table, and a note on others.

    Lightning Pose's own datasets have `CollectedData.csv` for training, and `CollectedData_new.csv`
    for a test on other animals.
    """
    if source.is_file():
        return source, []
    if not source.is_dir():
        raise MissingFileError(f"{source}: the folder of CollectedData.csv does not exist.")
    found = sorted(source.glob("CollectedData*.csv"))
    if not found:
        raise MissingFileError(
            f"{source} has no CollectedData*.csv. Expected the data folder of Lightning Pose, or "
            "the table itself. For a DeepLabCut project, use `convert deeplabcut`."
        )
    main = source / "CollectedData.csv"
    if main in found and len(found) > 1:
        others = ", ".join(path.name for path in found if path != main)
        return main, [f"tables beside {main.name} that are not read: {others}"]
    if len(found) > 1:
        raise DataError(
            f"{source} has {len(found)} tables, such as {found[0].name} and {found[1].name}, one "
            "per view or test set. Name the one to convert."
        )
    return found[0], []
