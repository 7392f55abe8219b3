"""Reads files of VGG Image Annotator: images and their regions, from JSON or CSV."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.via.version3 import as_version_2, is_version_3
from simplebase.data import expect
from simplebase.errors import DataError, shown
from simplebase.files import parse_json, read_text

COLUMNS = ("filename", "region_shape_attributes", "region_attributes")


@dataclass(frozen=True)
class Region:
    """A region: its shape as VIA describes it, and its attributes that have a value."""

    shape: dict[str, Any]
    attributes: dict[str, str]
    where: str

    @property
    def kind(self) -> str:
        """`point`, `rect`, `polygon` and so on."""
        return str(self.shape.get("name"))


@dataclass(frozen=True)
class Entry:
    """One image."""

    name: str
    regions: list[Region]
    where: str


def read_entries(path: Path) -> list[Entry]:
    """Reads the images of a file.

    Raises:
        DataError: it is not a file of VIA, or an image occurs twice.
    """
    text = read_text(path)
    is_json = text.lstrip()[:1] in ("{", "[")
    entries = list(_from_json(text, path) if is_json else _from_csv(text, path))
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise DataError(
                f"{path}: the image {shown(name)} occurs {count} times. Keep one entry."
            )
    return entries


def _from_json(text: str, path: Path) -> Iterator[Entry]:
    content = parse_json(text, str(path))
    if is_version_3(content):
        content = as_version_2(content, path)
    elif isinstance(content, dict) and "_via_img_metadata" in content:
        content = content["_via_img_metadata"]
    entries = content.values() if isinstance(content, dict) else []
    if not entries or not all(isinstance(e, dict) and "regions" in e for e in entries):
        raise _foreign(path)
    for key, entry in content.items():
        where = f"{path}, {shown(key)}"
        regions = entry["regions"]
        # VIA 1 wrote a mapping from "0", "1", ...
        regions = list(regions.values()) if isinstance(regions, dict) else regions
        yield Entry(
            expect.text(entry.get("filename"), f"{where}.filename"),
            [
                _region(each, f"{where}.regions[{index}]")
                for index, each in enumerate(expect.items(regions, f"{where}.regions"))
            ],
            where,
        )


def _from_csv(text: str, path: Path) -> Iterator[Entry]:
    if text.startswith("# Exported using VGG Image Annotator"):
        raise _version_3(path)
    try:
        # VIA 1 wrote a # before the first column's name.
        table = csv.DictReader(io.StringIO(text.removeprefix("#"), newline=""), strict=True)
        if not set(COLUMNS) <= set(table.fieldnames or ()):
            raise _foreign(path)
        rows = list(table)
    except csv.Error as error:
        raise DataError(f"{path} is not valid CSV: {error}.") from error
    regions: dict[tuple[str, str], list[Region]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        key = expect.text(row["filename"], f"{where}, filename"), row.get("file_size") or ""
        shape, attributes = (
            parse_json(expect.text(row[column], f"{where}, {column}"), f"{where}, {column}")
            for column in COLUMNS[1:]
        )
        region = _region({"shape_attributes": shape, "region_attributes": attributes}, where)
        # An image without regions also has a row.
        regions[key] += [region] if region.shape else []
    for (name, _), found in regions.items():
        yield Entry(name, found, f"{path}, {shown(name)}")


def _region(value: Any, where: str) -> Region:
    value = expect.mapping(value, where)
    shape = expect.mapping(value.get("shape_attributes"), f"{where}.shape_attributes")
    given = expect.mapping(value.get("region_attributes") or {}, f"{where}.region_attributes")
    texts = {name.strip(): _attribute(each) for name, each in given.items()}
    return Region(shape, {name: text for name, text in texts.items() if text}, where)


def _attribute(value: Any) -> str:
    """Returns a region attribute as text; a checkbox maps its options to true."""
    if isinstance(value, dict):
        return ", ".join(name.strip() for name, chosen in value.items() if chosen)
    return "" if value is None else str(value).strip()


def _version_3(path: Path) -> DataError:
    return DataError(f"{path} is a CSV file of VIA 3, which is not read. Save the project instead.")


def _foreign(path: Path) -> DataError:
    return DataError(
        f"{path} is not a file of VIA 2: expected a project, or annotations exported as JSON, with "
        f"regions, or as CSV with the columns {', '.join(COLUMNS)}."
    )
