"""Reads `data.yaml` of an Ultralytics pose dataset: classes, keypoints, splits.

https://docs.ultralytics.com/datasets/pose/ describes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.label_files import refuse_archive
from simplebase.converters.yolo.keypoints import keypoints_of, with_lines
from simplebase.data import expect
from simplebase.errors import ArgumentError, DataError, MissingFileError, listed, shown
from simplebase.files import read_text
from simplebase.files.yaml import MOST_BYTES, parse_yaml
from simplebase.skeletons import Skeleton

SPLITS = ("train", "val", "test")
# Other spellings: Ultralytics reads the first, and CVAT's subsets begin with a capital letter.
_ALIASES = {"val": ("validation", "valid"), "train": ("training",)}
_MOST_KEYPOINTS = 10_000


@dataclass(frozen=True)
class YoloSettings:
    """The content of `data.yaml`.

    Args:
        path: path of the file.
        root: `path` in it, relative or absolute, possibly of another computer.
        splits: folders and lists of images by split, as stated.
        classes: all names by number.
        chosen: the numbers of the classes to convert.
        values: numbers per keypoint, 2 or 3.
        skeleton: the keypoints.
        notes: inferences about them.
    """

    path: Path
    root: str
    splits: dict[str, list[str]]
    classes: dict[int, str]
    chosen: frozenset[int]
    values: int
    skeleton: Skeleton
    notes: list[str]


def read_yolo_settings(
    source: Path, category: Sequence[str] = (), skeleton: Skeleton | None = None
) -> YoloSettings:
    """Reads `data.yaml`.

    Args:
        source: the file, or the folder that contains it.
        category: the classes to convert, by name or number. By default all.
        skeleton: names the keypoints, instead of the file.

    Raises:
        ArgumentError: a class does not exist.
        MissingFileError: the file does not exist.
        DataError: it is not the YAML of a pose dataset, or contradicts itself.
    """
    path = _find(source)
    content = expect.mapping(_parse(path), str(path))
    count, values = _kpt_shape(content, path)
    classes = _classes(content.get("names"), content.get("nc"), path)
    chosen = _choose(classes, category, path)
    fitted, notes = keypoints_of(content, path, count, [classes[each] for each in chosen], chosen)
    if skeleton is not None:
        if skeleton.num_keypoints != count:
            raise DataError(
                f"{path}: kpt_shape says {count} keypoints, but skeleton {skeleton.name!r} has "
                f"{skeleton.num_keypoints}. Check --skeleton and --classes-path."
            )
        fitted, notes = skeleton, []
    fitted = fitted if fitted.links else with_lines(content, fitted)
    splits = {name: _entries(_of_split(content, name), f"{path}, {name}") for name in SPLITS}
    root = content.get("path")
    return YoloSettings(
        path=path,
        root="" if root is None else str(root),
        splits=splits,
        classes=classes,
        chosen=frozenset(chosen),
        values=values,
        skeleton=fitted,
        notes=notes,
    )


def _find(source: Path) -> Path:
    refuse_archive(source)
    if source.is_file():
        return source
    if not source.is_dir():
        raise MissingFileError(f"{source}: the folder of the YOLO dataset does not exist.")
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (source / name).is_file():
            return source / name
    found = sorted(each for each in source.glob("*.y*ml") if "kpt_shape" in read_text(each))
    if len(found) == 1:
        return found[0]
    have = f"It has {listed(each.name for each in found)}" if found else "It has no YAML file"
    raise MissingFileError(
        f"{source}: expected the data.yaml of a YOLO pose dataset. {have} with kpt_shape. Give "
        "the file itself."
    )


def _parse(path: Path) -> Any:
    return parse_yaml(read_text(path, most_bytes=MOST_BYTES), str(path))


def _kpt_shape(content: Mapping[str, Any], path: Path) -> tuple[int, int]:
    """Returns the number of keypoints, and of values per keypoint."""
    shape = content.get("kpt_shape")
    if shape is None:
        raise DataError(
            f"{path} has no kpt_shape, so it is not of a pose dataset. Expected kpt_shape: "
            "[keypoints, 2 or 3]."
        )
    fits = isinstance(shape, list) and len(shape) == 2 and all(type(each) is int for each in shape)
    if not fits or not 1 <= shape[0] <= _MOST_KEYPOINTS or shape[1] not in (2, 3):
        raise DataError(
            f"{path}: kpt_shape must be [number of keypoints, 2 or 3]. Received: {shown(shape)}. "
            "Correct it; each row of a label file has 5 numbers plus those of the keypoints."
        )
    return shape[0], shape[1]


def _classes(names: Any, count: Any, path: Path) -> dict[int, str]:
    if names is None and type(count) is int and 0 < count <= _MOST_KEYPOINTS:
        return {index: str(index) for index in range(count)}
    if isinstance(names, list):
        names = dict(enumerate(names))
    names = expect.mapping(names, f"{path}, names")
    classes: dict[int, str] = {}
    for number, name in names.items():
        number = expect.integer(number, f"{path}, names")
        classes[number] = str(name) if type(name) is int else expect.name(name, f"{path}, names")
    if not classes:
        raise DataError(f"{path}: names is empty. Expected the name of each class.")
    return classes


def _choose(classes: Mapping[int, str], category: Sequence[str], path: Path) -> list[int]:
    chosen: list[int] = []
    for wanted in category:
        found = [number for number, name in classes.items() if name == wanted.strip()]
        found = found or [number for number in classes if str(number) == wanted.strip()]
        if not found:
            raise ArgumentError(
                f"{path} has no class {wanted!r}; it has {listed(classes.values())}."
            )
        chosen += [number for number in found if number not in chosen]
    return chosen or list(classes)


def _of_split(content: Mapping[str, Any], split: str) -> Any:
    """Returns the value of a split, whose name may be spelt in another way."""
    keys: dict[str, str] = {}
    for key in content:
        keys.setdefault(str(key).lower(), key)
    names = (split, *_ALIASES.get(split, ()))
    if split in content:
        return content[split]
    return next((content[keys[name]] for name in names if name in keys), None)


def _entries(value: Any, where: str) -> list[str]:
    """Returns the folders or lists of a split; empty if it has none."""
    if value is None or value == "":
        return []
    values = value if isinstance(value, list) else [value]
    return [expect.text(each, where) for each in values]
