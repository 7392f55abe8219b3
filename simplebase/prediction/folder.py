"""The Parquet folder of a prediction: its parts, and a manifest that describes the prediction.

```
OUT/
├── _manifest.json     inputs, model, options and, at the end, counts
├── part-00000.parquet rows of a part, see `rows.py`; its metadata list images and problems
├── ...
└── _errors.parquet    path, frame, error of each input that could not be read; written at the end
```
A part is done if its file exists, because the file is moved into place only when it is complete.
Readers of Parquet folders skip names that begin with `_`, so `pandas.read_parquet("OUT")` returns
the rows.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import OutputExistsError, shown
from simplebase.extras import import_with_extras
from simplebase.files import read_json, replacing, write_json
from simplebase.files.locks import locked
from simplebase.prediction.crops import Problem
from simplebase.prediction.rows import Columns

MANIFEST, ERRORS = "_manifest.json", "_errors.parquet"
_PART = re.compile(r"part-(\d{5,})\.parquet")
_PARTIAL = re.compile(r"\.(part-\d{5,}\.parquet|_manifest\.json|_errors\.parquet)\.\w+\.partial")
_KEY = b"simplebase"
_FORMAT, _VERSION = "simplebase predictions", 1


@dataclass(frozen=True)
class PartCounts:
    """The contents of a finished part: number of images, number of rows, unreadable inputs."""

    images: int
    rows: int
    problems: tuple[Problem, ...]


class PredictionFolder:
    """Writes the folder described above, or continues one that an interrupted run left.

    Args:
        path: the folder.
        content: entries of the manifest: `inputs`, `model`, `skeleton`, `options`, `parts`. An
            existing folder is continued only if all of these are the same.
        notes: further entries of the manifest, for people. They may differ.
    """

    def __init__(self, path: Path, content: dict[str, Any], notes: dict[str, Any]) -> None:
        self.path = path
        # In the form in which JSON returns it, so that the two can be compared.
        self._content = json.loads(json.dumps(content))
        self._notes = notes
        self._keypoints = len(content["skeleton"]["keypoints"])
        self._opened = False
        self.done: dict[int, PartCounts] = {}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Locks the folder, so that no other process writes it.

        If a run ends before its first part is done, the folder is removed.

        Raises:
            InUseError: another process is writing the folder.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.parent / f".{self.path.name}.lock"
        with locked(lock, str(self.path), "choose another path"):
            try:
                yield
            except BaseException:
                if self._opened and not self.done:
                    shutil.rmtree(self.path, ignore_errors=True)
                raise

    def open(self, *, overwrite: bool) -> None:
        """Creates the folder, or takes over the finished parts of an existing one.

        Raises:
            OutputExistsError: the folder holds something else, or a prediction with other inputs or
                options.
        """
        import_with_extras("pyarrow")
        if os.path.lexists(self.path) and not self._take_over(overwrite):
            shutil.rmtree(self.path)
        if not self.path.exists():
            self.path.mkdir()
            self._write_manifest(None)
        self._opened = True

    def _take_over(self, overwrite: bool) -> bool:
        """Returns whether the existing folder is continued; if not, it must be removed."""
        names = [entry.name for entry in self.path.iterdir()] if self.path.is_dir() else None
        if names == []:
            self._write_manifest(None)
            return True
        foreign = None if names is None else next((n for n in names if not _is_ours(n)), None)
        if names is None or foreign or MANIFEST not in names:
            what = "is a file" if names is None else f"holds {foreign or names[0]}"
            raise OutputExistsError(
                f"{self.path} {what}. It is not a folder of predictions, so it is not replaced. "
                "Choose another path."
            )
        if overwrite:
            return False
        self._require_same(read_json(self.path / MANIFEST))
        for name in names:
            if _PARTIAL.fullmatch(name):  # left by a process that was killed
                shutil.rmtree(self.path / name, ignore_errors=True)
            elif match := _PART.fullmatch(name):
                counts = self._read_counts(self.path / name)
                if counts is None or int(match[1]) >= self._content["parts"]:
                    (self.path / name).unlink()
                else:
                    self.done[int(match[1])] = counts
        return True

    def _require_same(self, found: Any) -> None:
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise OutputExistsError(
                f"{self.path} has a {MANIFEST} of something else. Choose another path."
            )
        for name, ours in self._content.items():
            theirs = found.get(name)
            if theirs == ours:
                continue
            if isinstance(ours, dict) and isinstance(theirs, dict):
                name, ours, theirs = next(
                    (f"{name}, {key}", ours.get(key), theirs.get(key))
                    for key in {**ours, **theirs}
                    if ours.get(key) != theirs.get(key)
                )
            raise OutputExistsError(
                f"{self.path} holds a prediction with another {name}: {shown(theirs)}, now "
                f"{shown(ours)}. Choose another path, or pass --overwrite to start again."
            )

    def add(self, number: int, columns: Columns, images: int, problems: Sequence[Problem]) -> None:
        """Writes a part. When this returns, the part is on the disk.

        Raises:
            OSError: the disk is full.
        """
        parquet = import_with_extras("pyarrow.parquet")
        counts = PartCounts(images, len(columns["path"]), tuple(problems))
        table = arrow_table(columns, self._keypoints)
        note = {"images": images, "problems": [asdict(each) for each in problems]}
        metadata = {**(table.schema.metadata or {}), _KEY: json.dumps(note).encode()}
        table = table.replace_schema_metadata(metadata)
        with replacing(self.path / _part_name(number), overwrite=True) as partial:
            parquet.write_table(table, partial)
        self.done[number] = counts

    def finish(self) -> None:
        """Writes the table of errors and the counts. Call it when all parts are done."""
        problems = self.problems
        write_errors(self.path / ERRORS, problems)
        counts = {"images": self.images, "rows": self.rows, "errors": len(problems)}
        self._write_manifest(counts)

    @property
    def images(self) -> int:
        """Number of images and frames in the finished parts."""
        return sum(part.images for part in self.done.values())

    @property
    def rows(self) -> int:
        """Number of objects in the finished parts."""
        return sum(part.rows for part in self.done.values())

    @property
    def problems(self) -> list[Problem]:
        """Inputs that could not be read, in the order of the inputs."""
        return [each for number in sorted(self.done) for each in self.done[number].problems]

    def tables(self) -> Iterator[Any]:
        """Yields the Arrow table of each part, in the order of the inputs."""
        parquet = import_with_extras("pyarrow.parquet")
        for number in sorted(self.done):
            yield parquet.read_table(self.path / _part_name(number), partitioning=None)

    def _read_counts(self, path: Path) -> PartCounts | None:
        """Returns the contents of a part; None if its file is damaged."""
        parquet = import_with_extras("pyarrow.parquet")
        with suppress(Exception):  # Arrow raises its own errors and those of Python
            metadata = parquet.read_metadata(path)
            note = json.loads(metadata.metadata[_KEY])
            problems = tuple(Problem(**each) for each in note["problems"])
            return PartCounts(int(note["images"]), metadata.num_rows, problems)
        return None

    def _write_manifest(self, counts: dict[str, int] | None) -> None:
        head = {"format": _FORMAT, "version": _VERSION, **self._notes}
        write_json(
            self.path / MANIFEST, {**head, **self._content, "finished": counts}, overwrite=True
        )


def write_errors(path: Path, problems: Sequence[Problem]) -> None:
    """Writes a Parquet file that lists unreadable inputs: path, frame, error."""
    pyarrow = import_with_extras("pyarrow")
    parquet = import_with_extras("pyarrow.parquet")
    schema = pyarrow.schema(
        [("path", pyarrow.string()), ("frame", pyarrow.int64()), ("error", pyarrow.string())]
    )
    table = pyarrow.Table.from_pylist([asdict(each) for each in problems], schema)
    with replacing(path, overwrite=True) as partial:
        parquet.write_table(table, partial)


def arrow_table(columns: Columns, num_keypoints: int) -> Any:
    """Returns an Arrow table: lists of fixed size, and null for missing frames, times and ids."""
    pyarrow = import_with_extras("pyarrow")

    def fixed(values: np.ndarray, size: int) -> Any:
        flat = pyarrow.array(values.ravel())
        return pyarrow.FixedSizeListArray.from_arrays(flat, size)

    def numbers(values: np.ndarray) -> Any:
        return pyarrow.array(values, pyarrow.int64(), mask=values < 0)

    def texts(values: np.ndarray) -> Any:
        return pyarrow.array([str(each) for each in values], pyarrow.string())

    times = columns["time"]
    return pyarrow.table(
        {
            "path": texts(columns["path"]),
            "file": texts(columns["file"]),
            "frame": numbers(columns["frame"]),
            "time": pyarrow.array(times, pyarrow.float64(), mask=np.isnan(times)),
            "image_id": numbers(columns["image_id"]),
            "annotation_id": numbers(columns["annotation_id"]),
            "box": fixed(columns["box"], 4),
            "keypoints": fixed(columns["keypoints"], 2 * num_keypoints),
            "scores": fixed(columns["scores"], num_keypoints),
            "score": pyarrow.array(columns["score"], pyarrow.float32()),
            "model": texts(columns["model"]).dictionary_encode(),
        }
    )


def _is_ours(name: str) -> bool:
    return (
        name in (MANIFEST, ERRORS)
        or _PART.fullmatch(name) is not None
        or _PARTIAL.fullmatch(name) is not None
    )


def _part_name(number: int) -> str:
    return f"part-{number:05d}.parquet"
