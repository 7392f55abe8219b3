"""Reads the keypoint table in DeepLabCut's HDF5 files, without pandas and without unpickling.

pandas writes a table in two ways:

- `format="fixed"`: `axis0` and `axis1` are the names of columns and rows, each level of them an
  array of names (`axis0_level1`) and one of indices into it (`axis0_label1`); `block0_values` the
  numbers. All are plain arrays.
- `format="table"`: `table` has the fields `index` and `values_block_0`; the names of the columns
  are the attribute `values_block_0_kind`, a pickled list of tuples of strings. Its few opcodes are
  read here one by one; any other is refused, so that nothing of the file is ever run.
"""

import pickletools
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simplebase.converters.deeplabcut.table import (
    Column,
    KeypointTable,
    keypoint_columns,
    pick_points,
    require_single_images,
)
from simplebase.data.fields import LARGEST
from simplebase.errors import DataError, first_line, shown
from simplebase.files.inflation import require_sane_datasets

_BLOCK = "values_block_0"
_MOST_LEVELS = 4


def read_keypoint_h5(path: Path) -> KeypointTable:
    """Reads a table.

    Raises:
        DataError: it is not a table in one of the two formats of pandas.
    """
    try:
        with h5py.File(path, "r") as file:
            require_sane_datasets(file, path)
            names, images, values = _read(file)
        places = [_column(name) for name in names]
    except (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        csv = path.with_suffix(".csv").name
        raise DataError(
            f"{path} cannot be read ({first_line(error).rstrip('.')}). With pandas installed, "
            f"write the labels as CSV beside it: pandas.read_hdf({path.name!r}).to_csv({csv!r})."
        ) from error
    if len(values) and not np.all(np.isnan(values) | (np.abs(values) < LARGEST)):
        raise DataError(f"{path} has coordinates beyond any image. Check the labels.")
    columns = keypoint_columns(places, path)
    table = KeypointTable(
        path=path,
        columns=list(columns),
        images=images,
        points=pick_points(values, columns),
        places=[f"{path}, row {row}" for row in range(len(images))],
    )
    require_single_images(table)
    return table


def _read(file: h5py.File) -> tuple[list[tuple[str, ...]], list[str], np.ndarray]:
    """Returns the names of the columns, the images, and `(N, columns)` numbers."""
    groups = [group for group in file.values() if isinstance(group, h5py.Group)]
    if len(groups) != 1:
        raise ValueError(f"expected one table, found {len(groups)}")
    group = groups[0]
    if isinstance(group.get("table"), h5py.Dataset):
        table = group["table"]
        if [name for name in table.dtype.names if name.startswith("values_")] != [_BLOCK]:
            raise ValueError("the numbers are in several blocks")
        names = _pickled_names(bytes(table.attrs[f"{_BLOCK}_kind"]))
        images, values = _texts(table["index"]), np.asarray(table[_BLOCK], dtype=float)
    else:
        if "block1_values" in group:
            raise ValueError("the numbers are in several blocks")
        names = _axis(group, "block0_items")
        images = ["/".join(each) for each in _axis(group, "axis1")]
        values = np.asarray(group["block0_values"], dtype=float)
    if values.shape != (len(images), len(names)):
        raise ValueError(f"{len(images)} x {len(names)} names for {values.shape} numbers")
    return names, [image.replace("\\", "/") for image in images], values


def _axis(group: h5py.Group, name: str) -> list[tuple[str, ...]]:
    """Returns the names along an axis, each with one part per level."""
    if name in group:
        return [(text,) for text in _texts(group[name])]
    count = int(group.attrs[f"{name}_nlevels"])
    if not 1 <= count <= _MOST_LEVELS:
        raise ValueError(f"{name} has {count} levels")
    levels = []
    for level in range(count):
        texts = _texts(group[f"{name}_level{level}"])
        places = np.asarray(group[f"{name}_label{level}"])
        if len(places) and not 0 <= places.min() <= places.max() < len(texts):
            raise ValueError(f"{name}_label{level} leads to no name")
        levels.append([texts[place] for place in places])
    return list(zip(*levels, strict=True))


def _texts(dataset: Any) -> list[str]:
    values = np.asarray(dataset)
    if values.dtype.kind != "S" or values.ndim != 1:
        raise ValueError(f"expected strings, found {values.dtype} {values.shape}")
    return [value.decode() for value in values.tolist()]


def _column(name: tuple[str, ...]) -> tuple[Column, str]:
    """Splits a name into individual (if there are several), keypoint, and coordinate."""
    if len(name) not in (3, 4):
        raise ValueError(f"expected columns of scorer, keypoint, coordinate; found {shown(name)}")
    return (name[1].strip() if len(name) == 4 else "", name[-2].strip()), name[-1].strip().lower()


def _pickled_names(data: bytes) -> list[tuple[str, ...]]:
    """Reads a list of tuples of strings in pickle's protocol 0."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    mark = object()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "MARK":
            stack.append(mark)
        elif opcode.name in ("UNICODE", "STRING"):
            stack.append(argument)
        elif opcode.name in ("LIST", "TUPLE"):
            start = len(stack) - 1 - stack[::-1].index(mark)
            made = stack[start + 1 :]
            stack[start:] = [made if opcode.name == "LIST" else tuple(made)]
        elif opcode.name == "APPEND" and isinstance(stack[-2], list):
            item = stack.pop()
            stack[-1].append(item)
        elif opcode.name == "PUT":
            memo[argument] = stack[-1]
        elif opcode.name == "GET":
            stack.append(memo[argument])
        elif opcode.name != "STOP":
            raise ValueError(f"the names of the columns are pickled with {opcode.name}")
    [names] = stack
    if not all(isinstance(part, str) for name in names for part in name):
        raise ValueError("the names of the columns are not strings")
    return [tuple(name) for name in names]
