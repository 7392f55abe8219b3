"""Leeds Sports Pose (Johnson & Everingham, BMVC 2010) and its extension (CVPR 2011).

Both are a `joints.mat` of x, y and a flag for 14 person-centric joints, and images numbered from 1.
They differ in important details:

| | LSP | LSP-extended |
|---|---|---|
| axes | (3, 14, N) | (14, 3, N) |
| flag 1 | the joint is hidden | the joint is labelled |
| flag 0 | the joint is visible | not labelled: its x and y are meaningless |
| first pixel | 1 | 0 |
| images | im0001.jpg | im00001.jpg |

No document states the coordinate of the first pixel, but the files show it. In the extension, every
coordinate is a multiple of one step per image, the same for x and y (in 834 of the 835 images for
which a step can be found), and labels start at 0, as on a web page. LSP's labels also lie on grids,
but with a different offset in each image, like clicks on MATLAB's axes, which count from 1. The
edges at 36,000 places on upright limbs of LSP are symmetric around a point 0.55 pixels left of the
raw label; at 52,000 places of the extension it is 0.20 pixels. For horizontal limbs, the points are
0.1 above and 0.7 below the label. So LSP's labels lie 0.35 pixels further right and 0.8 further
down.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from simplebase.converters.conversion import Conversion, draw_held_out
from simplebase.converters.matlab import read_variable
from simplebase.converters.placement import around_keypoints
from simplebase.data.fields import LARGEST
from simplebase.data.records import make_record
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.skeletons import load_skeleton

JOINTS = "joints.mat"
Variant = Literal["auto", "lsp", "lsp-extended"]

_PREFIX = {"lsp": "lsp", "lsp-extended": "lspet"}
_ORIGIN = {"lsp": 1, "lsp-extended": 0}
_NUM_JOINTS = 14
_OFFICIAL_SIZE, _FIRST_TEST_IMAGE = 2000, 1001


@dataclass(frozen=True, eq=False)
class _Part(ArrayEquality):
    """A folder with a `joints.mat`.

    Args:
        folder: the folder.
        images: its image folder.
        files: image file by number.
        variant: `lsp` or `lsp-extended`.
        keypoints: `(N, 14, 3)` zero-based x, y, visibility.
    """

    folder: Path
    images: Path
    files: dict[int, Path]
    variant: str
    keypoints: np.ndarray


def read_lsp(
    source: str | os.PathLike[str],
    *,
    variant: Variant = "auto",
    val_split: float = 0.1,
    seed: int = 0,
) -> Conversion:
    """Reads LSP, its extension, or both if `source` has a folder for each.

    The validation split is LSP's official test half (images 1001 to 2000) if it is complete.
    Otherwise it is drawn from LSP or, without LSP, from the extension, whose labels are noisy.

    Args:
        source: a folder with `joints.mat` and `images/`, or one with such folders in it.
        variant: the dataset of a `joints.mat`; `auto` detects it from the content.
        val_split: fraction of the images that are held out, where it is drawn.
        seed: seed of the random split.

    Raises:
        MissingFileError: there is no `joints.mat`.
        DataError: a file is not LSP's, or it is unclear which of the two it is.
    """
    if variant not in get_args(Variant):
        raise ArgumentError(
            f"variant must be one of {', '.join(get_args(Variant))}. Received: {variant}."
        )
    folders = _find(Path(source))
    parts = [_read_part(folder, variant) for folder in folders]
    merged = len(parts) > 1
    images = Path(source) if merged else parts[0].images
    conversion = Conversion(load_skeleton("lsp"), images, [folder / JOINTS for folder in folders])
    test: list[str] = []
    proper: list[str] = []
    for part in parts:
        numbers = _add_part(conversion, part, prefixed=merged)
        conversion.notes.append(f"{part.folder}: {part.variant}, {len(part.keypoints)} rows")
        if part.variant == "lsp":
            proper += numbers
            if len(part.keypoints) == _OFFICIAL_SIZE:
                test += [path for path, number in numbers.items() if number >= _FIRST_TEST_IMAGE]
    conversion.hold_out(test or draw_held_out(proper or conversion.images, val_split, seed))
    return conversion


def _find(source: Path) -> list[Path]:
    if (source / JOINTS).is_file():
        return [source]
    found = sorted(path.parent for path in source.glob(f"*/{JOINTS}"))
    if not found:
        raise MissingFileError(f"{source}: neither it nor a folder in it has a {JOINTS}.")
    return found


def _read_part(folder: Path, variant: Variant) -> _Part:
    path = folder / JOINTS
    joints = _joints(path)
    images = folder / "images" if (folder / "images").is_dir() else folder
    files, digits = _numbered(images)
    found = variant if variant != "auto" else _detect_variant(path, joints, digits)
    flags = joints[..., 2] == 1
    if found == "lsp":
        visibility = np.where(flags, 1, 2)
    else:
        visibility = np.where(flags, 2, 0)
    sound = (np.abs(joints[..., :2]) < LARGEST / 2).all(axis=-1)
    points = np.where(sound[..., None], joints[..., :2] - _ORIGIN[found], 0)
    keypoints = np.concatenate([points, np.where(sound, visibility, 0)[..., None]], axis=-1)
    return _Part(folder, images, files, found, keypoints)


def _numbered(images: Path) -> tuple[dict[int, Path], set[int]]:
    """Returns the image files by number, and how many digits the numbers have."""
    files: dict[int, Path] = {}
    digits = set()
    for file in sorted(images.iterdir()):
        match = re.fullmatch(r"im(\d+)\.(jpe?g|png)", file.name)
        if match:
            digits.add(len(match[1]))
            other = files.setdefault(int(match[1]), file)
            if other != file:
                raise DataError(
                    f"{images}: {other.name} and {file.name} have the same number, so it is "
                    f"unknown which of them {JOINTS} means. Remove one."
                )
    return files, digits


def _joints(path: Path) -> np.ndarray:
    """Reads the joints as `(N, 14, 3)`, whatever the order of the file's axes."""
    value = read_variable(path, "joints")
    try:
        joints = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        joints = np.zeros(0)
    if joints.ndim == 2:
        joints = joints[..., None]  # for one image, the reader drops the axis of length 1
    if joints.ndim == 3 and sorted(joints.shape[:2]) == [3, _NUM_JOINTS]:
        joints = joints.transpose(2, 0, 1)
        return joints if joints.shape[1] == _NUM_JOINTS else joints.swapaxes(1, 2)
    raise DataError(
        f"{path}: joints must be (3, {_NUM_JOINTS}, N) or ({_NUM_JOINTS}, 3, N) numbers. "
        f"Received: {np.shape(value) if joints.ndim else type(value).__name__}."
    )


def _detect_variant(path: Path, joints: np.ndarray, digits: set[int]) -> str:
    """Detects the dataset by its flags and the digits in its image names.

    Nearly all joints are labelled and visible. So flags that are mostly 1 mean "labelled" (the mean
    is 0.88 in LSP-extended), and flags that are mostly 0 mean "hidden" (0.07 in LSP).
    """
    by_flags = "lsp-extended" if (joints[..., 2] == 1).mean() > 0.5 else "lsp"
    by_names = {frozenset({4}): "lsp", frozenset({5}): "lsp-extended"}.get(frozenset(digits))
    if by_names not in (None, by_flags):
        raise DataError(
            f"{path}: its flags are those of {by_flags}, but its images are named like {by_names}. "
            "Say which it is with --variant."
        )
    return by_flags


def _add_part(conversion: Conversion, part: _Part, *, prefixed: bool) -> dict[str, int]:
    """Adds the records; returns the number of each image by its path."""
    numbers = {}
    prefix = _PREFIX[part.variant]
    for number, keypoints in enumerate(part.keypoints, start=1):
        placement = around_keypoints(keypoints)
        if placement is None:
            conversion.leave_out("fewer than two labelled keypoints")
        elif number not in part.files:
            conversion.leave_out_missing_image(f"im{number:0{4 if prefix == 'lsp' else 5}d}.jpg")
        else:
            file = part.files[number]
            path = f"{prefix}_{file.name}" if prefixed else file.name
            record = make_record(
                dataset=prefix.upper(),
                validation=False,
                path=path,
                center=placement[0],
                scale=placement[1],
                keypoints=np.round(keypoints, 3),
            )
            conversion.add(record, file)
            numbers[path] = number
    return numbers
