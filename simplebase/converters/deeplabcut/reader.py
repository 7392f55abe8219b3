"""Reads a project folder of DeepLabCut (https://github.com/DeepLabCut/DeepLabCut).

```
PROJECT/
├── config.yaml                              scorer, bodyparts, skeleton
└── labeled-data/VIDEO/
    ├── img005.png ...
    ├── CollectedData_SCORER.csv             see `keypoint_table`
    └── CollectedData_SCORER.h5              the same; only read if there is no csv
```

An integer coordinate is a pixel's centre, as here. The labelling window of DeepLabCut up to 2.2
takes `event.xdata` over Matplotlib's `imshow` (`generate_training_dataset/labeling_toolbox.py`);
napari-deeplabcut writes the coordinates of napari's points as they are (`_form_df` in its
`_writer.py`). Both have pixel centres at integers. The format has no visibility: a keypoint that is
labelled counts as visible.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.conversion import Conversion
from simplebase.converters.deeplabcut.h5_table import read_keypoint_h5
from simplebase.converters.deeplabcut.table import KeypointTable, read_keypoint_csv
from simplebase.converters.image_files import find_image
from simplebase.converters.image_search import StatedImage
from simplebase.converters.labelled import LabelledImage, pairs_note, to_conversion
from simplebase.data import expect
from simplebase.errors import DataError, MissingFileError
from simplebase.files import read_text
from simplebase.files.yaml import parse_yaml
from simplebase.progress import Progress
from simplebase.skeletons import Link, Skeleton, pairs_by_name

CONFIG = "config.yaml"
FRAMES = "labeled-data"


@dataclass(frozen=True)
class _Project:
    """The content of `config.yaml`; empty if there is none."""

    scorer: str
    keypoints: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def read_deeplabcut(
    source: str | os.PathLike[str],
    *,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads the labels of all videos in a project, with one or several animals.

    Args:
        source: the project folder.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished label files and the total.

    Raises:
        MissingFileError: the folder, or `labeled-data` in it, does not exist.
        DataError: there are no labels, or a file cannot be read.

    Keypoints are those of `config.yaml`. Others are left out, as in DeepLabCut, and counted.
    """
    source = Path(source)
    _require_project(source)
    project = _read_project(source / CONFIG)
    paths = _label_files(source, project.scorer)
    tables = []
    for done, path in enumerate(paths, start=1):
        tables.append(read_keypoint_csv(path) if path.suffix == ".csv" else read_keypoint_h5(path))
        if progress:
            progress(done, len(paths))
    left_out: Counter[str] = Counter()
    skeleton = _skeleton(project, tables, source)
    _count_others(tables, skeleton, left_out)
    images = [image for table in tables for image in _images(table, source, skeleton, left_out)]
    config = [source / CONFIG] if project.keypoints else []
    return to_conversion(
        source,
        [*paths, *config],
        images,
        skeleton,
        dataset="deeplabcut",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=["keypoints: " + ", ".join(skeleton.keypoints), pairs_note(skeleton)],
    )


def _require_project(source: Path) -> None:
    if source.is_file():
        raise DataError(
            f"{source} is a file. Expected the project folder of DeepLabCut, with {CONFIG} and "
            f"{FRAMES}/ in it. Unpack an archive first."
        )
    if not (source / FRAMES).is_dir():
        raise MissingFileError(
            f"{source / FRAMES}: the folder of labels does not exist. Expected the project folder "
            f"of DeepLabCut, with {CONFIG} and {FRAMES}/ in it."
        )


def _read_project(path: Path) -> _Project:
    if not path.is_file():
        return _Project("", (), ())
    config = expect.mapping(parse_yaml(read_text(path), str(path)), str(path))
    if config.get("multianimalproject"):
        names = _names(config, "multianimalbodyparts", path) + _names(
            config, "uniquebodyparts", path
        )
    else:
        names = _names(config, "bodyparts", path)
    if not names:
        raise DataError(f"{path} names no keypoints: its list bodyparts is missing or empty.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path} names the keypoint {twice!r} twice. Remove one of them.")
    return _Project(str(config.get("scorer") or "").strip(), tuple(names), _links(config, path))


def _names(config: dict[str, Any], key: str, path: Path) -> list[str]:
    """Reads names, some of which YAML parses as numbers or booleans."""
    names = expect.items(config.get(key) or [], f"{path}, {key}")
    return [
        expect.name(str(name) if type(name) in (int, float, bool) else name, f"{path}, {key}")
        for name in names
    ]


def _links(config: dict[str, Any], path: Path) -> tuple[tuple[str, str], ...]:
    links = []
    for pair in expect.items(config.get("skeleton") or [], f"{path}, skeleton"):
        # A new project has an example skeleton, whose names may not exist.
        if isinstance(pair, list) and len(pair) == 2:
            links.append((str(pair[0]).strip(), str(pair[1]).strip()))
    return tuple(links)


def _label_files(source: Path, scorer: str) -> list[Path]:
    """Returns one file per video: the scorer's csv, else the scorer's h5."""
    paths = []
    for folder in sorted(path for path in (source / FRAMES).iterdir() if path.is_dir()):
        found = sorted(
            path
            for path in folder.glob("CollectedData*")
            if path.suffix in (".csv", ".h5") and path.is_file()
        )
        own = [path for path in found if path.stem == f"CollectedData_{scorer}"] or found
        stems = sorted({path.stem for path in own})
        if len(stems) > 1:
            raise DataError(
                f"{folder} holds the labels of several scorers, {', '.join(stems)}, and none of "
                f"them is the scorer in {CONFIG}. Name one there, or move the other files away."
            )
        paths += own[:1]
    if not paths:
        raise DataError(
            f"{source / FRAMES} holds no labels: expected VIDEO/CollectedData_SCORER.csv (or .h5) "
            "in it."
        )
    return paths


def _skeleton(project: _Project, tables: list[KeypointTable], source: Path) -> Skeleton:
    names = project.keypoints or tuple(
        dict.fromkeys(name for table in tables for name in table.keypoints)
    )
    # Each line is kept once, in either direction.
    pairs = {frozenset(pair): pair for pair in project.links if {*pair} <= {*names}}
    links = tuple(Link(start, end) for start, end in pairs.values() if start != end)
    return Skeleton(source.resolve().name, names, pairs_by_name(names), links=links)


def _count_others(tables: list[KeypointTable], skeleton: Skeleton, left_out: Counter[str]) -> None:
    others = {name for table in tables for name in table.keypoints} - {*skeleton.keypoints}
    if others:
        left_out[f"keypoint: not in {CONFIG}"] += len(others)
    if others >= {name for table in tables for name in table.keypoints}:
        raise DataError(
            f"{tables[0].path}: none of its keypoints ({', '.join(tables[0].keypoints[:5])}) is in "
            f"{CONFIG} ({', '.join(skeleton.keypoints[:5])}). Correct {CONFIG}."
        )


def _images(
    table: KeypointTable, source: Path, skeleton: Skeleton, left_out: Counter[str]
) -> list[LabelledImage]:
    folder = table.path.parent.relative_to(source)
    stated = [_stated(image, folder, source) for image in table.images]
    return table.labelled_images(stated, skeleton.keypoints, left_out)


def _stated(image: str, folder: Path, source: Path) -> StatedImage:
    """Returns the path in a row; else the image beside the table, if a video was renamed."""
    stated = StatedImage(image)
    if stated.path and find_image(source, stated.path):
        return stated
    beside = StatedImage(image.rpartition("/")[2], folder.as_posix())
    return beside if beside.path and find_image(source, beside.path) else stated
