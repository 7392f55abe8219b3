"""Writes the rows of a prediction into one file: COCO results (JSON) or CSV."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from simplebase.data.coco_format import CATEGORY_ID
from simplebase.errors import ArgumentError
from simplebase.files import replacing
from simplebase.prediction.inputs import is_address

Format = Literal["parquet", "json", "csv"]

_DECIMALS = 4


def format_of(path: str | os.PathLike[str]) -> Format:
    """Returns the format for an output path: `.json`, `.csv`, or a folder if it has no suffix.

    Raises:
        ArgumentError: the path is an address, or has another suffix.
    """
    text = os.fspath(path)
    if is_address(text):
        raise ArgumentError(
            "predictions can only be written to a local path. Write them there, then copy them. "
            f"Received: {text}."
        )
    suffix = Path(text).suffix.lower()
    if suffix in (".json", ".csv"):
        return "json" if suffix == ".json" else "csv"
    if suffix and not os.path.isdir(text):
        raise ArgumentError(
            f"{text}: the output must be a folder (for Parquet files), a .json file (COCO results) "
            "or a .csv file."
        )
    return "parquet"


def write_file(
    path: Path, kind: Format, tables: Iterable[Any], keypoints: Sequence[str], *, overwrite: bool
) -> None:
    """Writes the rows of Arrow tables, one table after the other.

    Args:
        path: the file to write.
        kind: `json` or `csv`.
        tables: see `PredictionFolder.tables`.
        keypoints: names of the keypoints.
        overwrite: replace the file if it exists.
    """
    write: Callable[[Any, Iterator[dict[str, Any]]], None] = _write_json
    if kind == "csv":

        def write(file: Any, rows: Iterator[dict[str, Any]]) -> None:
            _write_csv(file, rows, keypoints)

    with replacing(path, overwrite=overwrite) as partial:
        with partial.open("w", encoding="utf-8", newline="") as file:
            write(file, (row for table in tables for row in _rows(table)))


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=1024):
        yield from batch.to_pylist()


def _write_json(file: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Writes COCO results (https://cocodataset.org/#format-results), one entry per line.

    An entry also has `file_name`, `frame` and `time` for videos, and `annotation_id` if the source
    has one. Images without an id are numbered from 1, in the order of the rows.
    """
    number, latest = 0, None
    separator = "[\n"
    for row in rows:
        # The objects of an image are in successive rows.
        if latest != (row["path"], row["frame"]):
            number, latest = number + 1, (row["path"], row["frame"])
        image = number if row["image_id"] is None else row["image_id"]
        x_y, scores = row["keypoints"], row["scores"]
        flat = [
            round(value, _DECIMALS)
            for place, score in enumerate(scores)
            for value in (x_y[2 * place], x_y[2 * place + 1], score)
        ]
        entry: dict[str, Any] = {
            "image_id": image,
            "category_id": CATEGORY_ID,
            "keypoints": flat,
            "score": round(row["score"], _DECIMALS),
            "bbox": [round(value, _DECIMALS) for value in row["box"]],
            "file_name": row["file"],
        }
        if row["frame"] is not None:
            entry |= {"frame": row["frame"], "time": round(row["time"], _DECIMALS)}
        if row["annotation_id"] is not None:
            entry["annotation_id"] = row["annotation_id"]
        file.write(separator + json.dumps(entry, ensure_ascii=False))
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _write_csv(file: Any, rows: Iterator[dict[str, Any]], keypoints: Sequence[str]) -> None:
    """Writes a row per object: file, frame, time, ids, box, score; x, y, score of each keypoint."""
    box = [f"box_{side}" for side in ("x", "y", "width", "height")]
    points = [f"{name}_{part}" for name in keypoints for part in ("x", "y", "score")]
    writer = csv.writer(file)
    writer.writerow(["file", "frame", "time", "image_id", "annotation_id", *box, "score", *points])
    for row in rows:
        head = [row[name] for name in ("file", "frame", "time", "image_id", "annotation_id")]
        x_y, scores = row["keypoints"], row["scores"]
        flat = [
            round(value, _DECIMALS)
            for place, score in enumerate(scores)
            for value in (x_y[2 * place], x_y[2 * place + 1], score)
        ]
        values = [round(value, _DECIMALS) for value in (*row["box"], row["score"])]
        writer.writerow([*("" if value is None else value for value in head), *values, *flat])
