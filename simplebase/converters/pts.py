"""Reads 300-W and iBUG faces (https://ibug.doc.ic.ac.uk/resources/300-W/): a `.pts` per image.

iBUG counts pixels from 1 like MATLAB, so 1 is subtracted. 68 points are the built-in skeleton
`face68`; points of other numbers are called 1, 2 and so on. menpo's `.ljson`
(https://github.com/menpo/menpo) is also read: its points are y, x, and its pixels count from 0.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.conversion import Conversion
from simplebase.converters.label_files import report_unreadable
from simplebase.converters.label_sources import (
    UNREAD_IMAGE,
    ImagesByStem,
    files_below,
    require_source,
)
from simplebase.converters.labelled import (
    LabelledImage,
    LabelledObject,
    infer_skeleton,
    to_conversion,
)
from simplebase.data import expect
from simplebase.data.fields import are_numbers
from simplebase.errors import DataError
from simplebase.files import parse_json, read_text
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, load_skeleton

WHAT = "the folder of .pts or .ljson files"
SUFFIXES = (".pts", ".ljson")
_FACE = "face68"
_ORIGIN = 1
_MOST_BYTES = 1 << 22
# Some files have further lines at the top, such as `image: a.jpg`.
_LINES = r"(?:(?!n_points)\w+:[^\n{}]*\n\s*)*"
_PTS = re.compile(
    rf"\s*(?:version:\s*\S+\s+)?{_LINES}n_points:\s*(\d{{1,6}})\s*{_LINES}\{{([^{{}}]*)\}}\s*"
)

Point = tuple[float, float] | None
"""x, y with integers at pixel centres; `None` if it is not labelled."""


@dataclass(frozen=True)
class _LabelFile:
    """A label file: its path relative to the source, and its sets of points."""

    path: Path
    name: Path
    sets: list[list[Point]]


def read_pts(
    source: str | os.PathLike[str],
    *,
    num_points: int | None = None,
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads all `.pts` and `.ljson` files in a folder and its subfolders.

    Args:
        source: the folder, or one file. The image of a label file is the one with its name beside
            it, else the only one with that name in the folder.
        num_points: read only files with this number of points; needed if the numbers differ.
        skeleton: the keypoints; by default `face68` for 68 points, else numbers from 1.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished files and the total.

    Raises:
        MissingFileError: the source does not exist.
        DataError: there are no label files, none can be read, or their numbers of points differ and
            none is chosen.

    Unreadable files are left out, counted in `left_out`, and named in a warning.
    """
    source = require_source(Path(source), WHAT)
    root = source if source.is_dir() else source.parent
    paths = files_below(source, SUFFIXES) if source.is_dir() else [source]
    if not paths:
        raise DataError(f"{source}: there are no .pts or .ljson files in it.")
    left_out: Counter[str] = Counter()
    files, unreadable = [], []
    for done, path in enumerate(paths, start=1):
        try:
            files.append(_LabelFile(path, path.relative_to(root), _read_file(path)))
        except DataError as error:
            unreadable.append(str(error))
        if progress:
            progress(done, len(paths))
    report_unreadable(unreadable, len(files), len(paths), f"label files in {source}", left_out)
    _require_one_file_an_image(files)
    count = skeleton.num_keypoints if skeleton and num_points is None else num_points
    count = _only_count(files, source) if count is None else count
    if skeleton is None and count == load_skeleton(_FACE).num_keypoints:
        skeleton, notes = load_skeleton(_FACE), [f"skeleton: {_FACE}, which is built in"]
    else:
        notes = []
    names = skeleton.keypoints if skeleton else tuple(str(n + 1) for n in range(count))
    if len(names) != count:
        raise DataError(
            f"{source}: {count} points were chosen, but there are {len(names)} keypoints. "
            "Correct --points or --classes-path."
        )
    images = list(_images(files, names, ImagesByStem(root), left_out))
    if skeleton is None:
        skeleton, notes = infer_skeleton(source.resolve().stem, images, names)
    return to_conversion(
        root,
        paths,
        images,
        skeleton,
        dataset="pts",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _read_file(path: Path) -> list[list[Point]]:
    """Reads the sets of points in a file: one in a `.pts`, one or more in an `.ljson`."""
    text = read_text(path, most_bytes=_MOST_BYTES)
    if path.suffix.lower() == ".ljson":
        return _parse_ljson(parse_json(text, str(path)), path)
    match = _PTS.fullmatch(text)
    if match is None:
        raise DataError(
            f"{path} is not a .pts file: expected version: 1, n_points: N, and N lines of x and y "
            "between { and }."
        )
    count, values = int(match[1]), [_number(each) for each in match[2].replace(",", " ").split()]
    pairs = list(zip(values[::2], values[1::2], strict=False))
    points = [None if x != x and y != y else (x, y) for x, y in pairs]
    known = [value for point in points if point for value in point]
    numbers = [value - _ORIGIN for value in known if value is not None]
    if not count or len(values) != 2 * count or not are_numbers(known, len(known)):
        raise DataError(
            f"{path}: n_points is {count}, so expected {2 * count} numbers between {{ and }}. "
            f"Received {len(values)} items, {sum(v is None for v in values)} of them not numbers."
        )
    # NaN for both is a point that is not labelled.
    places = zip(numbers[::2], numbers[1::2], strict=True)
    return [[next(places) if point else None for point in points]]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _parse_ljson(content: Any, path: Path) -> list[list[Point]]:
    """Reads the sets of points of menpo's versions 1, 2 and 3."""
    content = expect.mapping(content, f"{path}")
    groups = content.get("groups")
    if isinstance(groups, dict):
        parts = [(_landmarks(group, f"{path}, {name}")) for name, group in groups.items()]
    elif isinstance(groups, list):
        # Version 1 has a group for each part of one shape.
        shape = []
        for index, group in enumerate(groups):
            where = f"{path}, groups[{index}]"
            marks = expect.items(expect.mapping(group, where).get("landmarks"), where)
            shape += [expect.mapping(mark, where).get("point") for mark in marks]
        parts = [shape]
    else:
        parts = [_landmarks(content, str(path))]
    sets = [[_point(each, f"{path}, point {i}") for i, each in enumerate(p)] for p in parts]
    if not any(sets):
        raise DataError(f"{path}: there are no points in it.")
    return [each for each in sets if each]


def _landmarks(group: Any, where: str) -> list[Any]:
    landmarks = expect.mapping(expect.mapping(group, where).get("landmarks"), f"{where}.landmarks")
    return expect.items(landmarks.get("points"), f"{where}.landmarks.points")


def _point(value: Any, where: str) -> Point:
    """Converts menpo's y, x to x, y; null means not labelled."""
    if value is None or value == [None, None]:
        return None
    y, x = expect.numbers(value, 2, where)
    return x, y


def _require_one_file_an_image(files: Sequence[_LabelFile]) -> None:
    seen: dict[Path, Path] = {}
    for file in files:
        other = seen.setdefault(file.name.with_suffix(""), file.path)
        if other != file.path:
            raise DataError(f"{other} and {file.path} label the same image. Keep one of them.")


def _only_count(files: Sequence[_LabelFile], source: Path) -> int:
    """Returns the number of points that all files have; in a file with several sets, the largest.

    Raises:
        DataError: the numbers differ.
    """
    example = {max(map(len, file.sets)): file for file in reversed(files)}
    if len(example) > 1:
        numbers = Counter(max(map(len, file.sets)) for file in files)
        texts = [
            f"{numbers[count]} of {len(files)} files have {count} points, such as "
            f"{file.name.as_posix()}"
            for count, file in sorted(example.items(), reverse=True)[:3]
        ]
        raise DataError(f"{source}: {'; '.join(texts)}. Choose a number by --points.")
    return next(iter(example))


def _images(
    files: Sequence[_LabelFile],
    names: tuple[str, ...],
    found: ImagesByStem,
    left_out: Counter[str],
) -> Iterator[LabelledImage]:
    """Yields the images of the files with as many points as there are names."""
    for file in files:
        chosen = [each for each in file.sets if len(each) == len(names)]
        if len(file.sets) > len(chosen):
            reason = f"shape: not {len(names)} points"
            left_out[reason] += len(file.sets) - len(chosen)
        if not chosen:
            continue
        folder, stem = file.name.parent.as_posix(), file.name.stem
        if found.is_unread(stem):
            left_out[UNREAD_IMAGE] += 1
            continue
        yield LabelledImage(
            found.find(folder, stem),
            None,
            [
                LabelledObject({n: (*p, 2.0) for n, p in zip(names, each, strict=True) if p})
                for each in chosen
            ],
            str(file.path),
        )
