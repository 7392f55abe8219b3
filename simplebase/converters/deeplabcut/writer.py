"""Writes a dataset folder as a DeepLabCut project, see `simplebase.converters.deeplabcut.reader`.

```
OUT/
├── config.yaml                                     scorer, bodyparts, skeleton
├── labeled-data/FOLDER/                            the images of each folder
│   └── CollectedData_SCORER.csv
└── simplebase.txt                                  says that simplebase wrote the folder
```

Coordinates have four decimals. Folders in `labeled-data` cannot be nested, so `a/b/0.jpg` becomes
`labeled-data/a_b/0.jpg`. Images outside any folder are in a folder named after the skeleton. If an
image has several objects, the project is a multi-animal project: `individual1` is the first object
of each image, even if identities differ.

DeepLabCut itself reads HDF5: `deeplabcut.convertcsv2h5("OUT/config.yaml", userfeedback=False)`
writes that from the CSV files.
"""

import csv
import datetime
import io
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from simplebase.converters.conversion import ConversionReport
from simplebase.converters.deeplabcut.reader import CONFIG, FRAMES
from simplebase.converters.image_files import ImageMode, place_images
from simplebase.converters.outgoing import (
    Outgoing,
    open_outgoing,
    replacing_own,
    require_plain_names,
)
from simplebase.errors import ArgumentError, DataError
from simplebase.files import write_text
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

CONTENT = (CONFIG, FRAMES)
SCORER = "simplebase"
_NOT_IN_FILE_NAMES = '/\\:*?"<>|'


def to_deeplabcut(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    scorer: str = SCORER,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder as a DeepLabCut project.

    The format has no visibility, boxes or splits, so hidden keypoints become visible. Keypoints
    outside their image are left out and counted.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        scorer: DeepLabCut's name for the person who labelled.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy` or `link`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` holds the dataset, `images` is `none`, or `scorer` cannot be in a
            file's name.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, or the format cannot hold a name.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    _require_scorer(scorer)
    outgoing = open_outgoing(dataset, output, skeleton, CONTENT, overwrite=overwrite)
    outgoing.drop_keypoints_outside()
    folders = _folders(outgoing)
    _note_losses(outgoing)
    most = max(len(indices) for indices in outgoing.objects.values())
    individuals = [f"individual{number}" for number in range(1, most + 1)] if most > 1 else []
    files = {
        f"{FRAMES}/{folder}/{path.rpartition('/')[2]}": outgoing.files[path]
        for folder, paths in folders.items()
        for path in paths
    }
    with replacing_own(output, "to-deeplabcut", CONTENT, overwrite=overwrite) as partial:
        place_images(files, partial, images, outgoing.image_folder, progress=progress)
        for folder, paths in folders.items():
            table = _table(outgoing, folder, paths, scorer, individuals)
            write_text(partial / FRAMES / folder / f"CollectedData_{scorer}.csv", table)
        config = _config(outgoing, Path(output).absolute(), folders, scorer, individuals)
        write_text(partial / CONFIG, config)
    return outgoing.report()


def _require_scorer(scorer: str) -> None:
    if not scorer.strip() or scorer != scorer.strip() or not scorer.isprintable():
        raise ArgumentError(
            f"scorer must be a name without spaces at its ends. Received: {scorer!r}."
        )
    if found := [each for each in _NOT_IN_FILE_NAMES if each in scorer]:
        raise ArgumentError(
            f"scorer is part of a file's name, which cannot have {found[0]} in it. Received: "
            f"{scorer!r}."
        )


def _folders(outgoing: Outgoing) -> dict[str, list[str]]:
    """Returns the images of each folder in `labeled-data`.

    Raises:
        DataError: two folders would get the same name, or a name is not possible for a folder.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    origins: dict[str, str] = {}
    for path in outgoing.files:
        origin = path.rpartition("/")[0]
        folder = origin.replace("/", "_") or outgoing.skeleton.name
        if any(each in folder for each in _NOT_IN_FILE_NAMES):
            raise DataError(
                f"the skeleton's name {folder!r} cannot be that of a folder. Move the images of "
                "the dataset into a folder below images/."
            )
        if origins.setdefault(folder, origin) != origin:
            raise DataError(
                f"the folders images/{origins[folder]} and images/{origin} would both be "
                f"{FRAMES}/{folder}. Rename one of them in the dataset."
            )
        folders[folder].append(path)
    require_plain_names(folders, str(outgoing.image_folder))
    return folders


def _note_losses(outgoing: Outgoing) -> None:
    records = outgoing.records
    outgoing.note_lost_pairs()
    outgoing.note_lost_splits()
    if hidden := int((records.keypoints[:, :, 2] == 1).sum()):
        outgoing.notes.append(
            f"hidden keypoints, which the format cannot tell from visible ones: {hidden}"
        )
    if boxes := sum(outgoing.box(index) is not None for index in range(len(records))):
        outgoing.notes.append(f"boxes, for which the format has no place: {boxes}")


def _table(
    outgoing: Outgoing, folder: str, paths: list[str], scorer: str, individuals: list[str]
) -> str:
    """Returns the CSV of one folder."""
    columns = [
        (individual, name)
        for individual in individuals or [""]
        for name in outgoing.skeleton.keypoints
        for _ in "xy"
    ]
    blank = ["", ""]
    rows = [["scorer", *blank, *[scorer] * len(columns)]]
    if individuals:
        rows.append(["individuals", *blank, *(individual for individual, _ in columns)])
    rows.append(["bodyparts", *blank, *(name for _, name in columns)])
    rows.append(["coords", *blank, *["x", "y"] * (len(columns) // 2)])
    for path in sorted(paths):
        cells: list[str] = []
        for index in outgoing.objects[path]:
            for x, y, visibility in outgoing.records.keypoints[index].tolist():
                cells += [f"{x:.4f}", f"{y:.4f}"] if visibility > 0 else blank
        cells += [""] * (len(columns) - len(cells))
        rows.append([FRAMES, folder, path.rpartition("/")[2], *cells])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _config(
    outgoing: Outgoing,
    project: Path,
    folders: dict[str, list[str]],
    scorer: str,
    individuals: list[str],
) -> str:
    """Returns `config.yaml`, with the values that DeepLabCut writes for a new project.

    DeepLabCut derives the folders' names from the names of videos, which need not exist.
    """
    skeleton = outgoing.skeleton
    videos = {}
    for folder, paths in folders.items():
        height, width = outgoing.sizes[paths[0]]
        videos[str(project / "videos" / f"{folder}.mp4")] = {"crop": f"0, {width}, 0, {height}"}
    names = list(skeleton.keypoints)
    bodyparts: dict[str, Any] = {"bodyparts": names}
    if individuals:
        bodyparts = {
            "individuals": individuals,
            "uniquebodyparts": [],
            "multianimalbodyparts": names,
            "bodyparts": "MULTI!",
        }
    content = {
        "Task": skeleton.name,
        "scorer": scorer,
        "date": datetime.date.today().strftime("%b%d"),
        "multianimalproject": bool(individuals),
        "identity": False if individuals else None,
        "project_path": str(project),
        "engine": "pytorch",
        "video_sets": videos,
        **bodyparts,
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [[link.start, link.end] for link in skeleton.links],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 12,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "default_net_type": "resnet_50",
        "default_augmenter": "default",
        "snapshotindex": -1,
        "batch_size": 8,
        "cropping": False,
        "x1": 0,
        "x2": 640,
        "y1": 277,
        "y2": 624,
        "corner2move2": [50, 50],
        "move2corner": True,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
