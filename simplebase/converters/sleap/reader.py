"""Reads SLEAP (https://sleap.ai): `.slp` files, and `.pkg.slp` files that contain the images.

```
/metadata             attributes: format_id, json (skeletons, names of all nodes)
/videos_json          see `sleap_videos`
/frames               video, frame_idx, instance_id_start, instance_id_end
/instances            instance_type (0 user, 1 predicted), skeleton, point_id_start, point_id_end
/points, /pred_points x, y, visible
```

Since format 1.1, an integer coordinate is a pixel's centre. Before, it was the pixel's corner, so
half a pixel is subtracted (see the history of formats in sleap-io's `io/slp.py`). A node that is
not visible counts as unlabelled, as in SLEAP's training, because its position is a guess.

The files are read with h5py. sleap-io can read them too, but needs about 30 packages (neuroscience
formats, aiohttp, Skia) and returns decoded images.
"""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simplebase.converters.conversion import Conversion
from simplebase.converters.labelled import (
    LabelledImage,
    LabelledObject,
    to_conversion,
)
from simplebase.converters.sleap.skeleton import read_skeletons, single_skeleton
from simplebase.converters.sleap.videos import SleapVideo, extract_frames, read_videos
from simplebase.data import expect
from simplebase.data.fields import LARGEST
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, first_line
from simplebase.files import parse_json, require_file
from simplebase.progress import Progress

_CENTRED = 1.1
"""The first format in which an integer is a pixel's centre."""
_USER, _PREDICTED = 0, 1
# The highest compression ratio of deflate.
_MOST_TIMES = 1000
_ALLOWANCE = 64 << 20


@dataclass(frozen=True, eq=False)
class _Labels(ArrayEquality):
    """The used content of a file.

    Args:
        metadata: `metadata`'s JSON.
        names: names of the nodes of each skeleton.
        videos: the videos by number.
        frames: video, frame, and its instances: user or predicted, skeleton, and points `(K, 2)`
            with NaN where not labelled.
    """

    metadata: dict[str, Any]
    names: list[list[str]]
    videos: dict[int, SleapVideo]
    frames: list[tuple[int, int, list[tuple[int, int, np.ndarray]]]]


def read_sleap(
    source: str | os.PathLike[str],
    *,
    video_folder: str | os.PathLike[str] | None = None,
    predicted: bool = False,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads a labels file.

    Args:
        source: the `.slp` or `.pkg.slp` file.
        video_folder: the folder of videos and images that are not in the file. By default that of
            the file. They are searched at the stated path and by their names.
        predicted: use predicted instances in frames without user instances.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished frames of a video and the total.

    Raises:
        MissingFileError: the file does not exist.
        DataError: the file is damaged or not SLEAP's, or a video cannot be read.
    """
    path = require_file(source, "the SLEAP file")
    labels = _read_file(path)
    left_out: Counter[str] = Counter()
    chosen = [
        (number, frame, kept)
        for number, frame, instances in labels.frames
        if (kept := _chosen(instances, predicted, left_out))
    ]
    root = Path(video_folder or path.parent)
    wanted: dict[int, set[int]] = defaultdict(set)
    for number, frame, _ in chosen:
        wanted[number].add(frame)
    read, absent = extract_frames(
        [(labels.videos[number], frames) for number, frames in wanted.items()], root, progress
    )
    name = path.name.partition(".")[0] or "sleap"
    skeleton, notes = single_skeleton(name, labels.metadata, labels.names, path)
    images = []
    for number, frame, instances in chosen:
        video = labels.videos[number]
        objects = [_object(points, labels.names[kind]) for _, kind, points in instances]
        images.append(
            LabelledImage(
                video.stated(frame),
                None,
                objects,
                f"{path}, {video.filename}, frame {frame}",
                embedded=video.embedded.get(frame),
                embedded_name=video.frame_name(frame),
            )
        )
    if absent:
        notes.append(f"videos not found in {root}: {len(absent)}, such as {absent[0]}")
    return to_conversion(
        root,
        [path, *read],
        images,
        skeleton,
        dataset="sleap",
        folder_option="simplebase convert sleap --video-folder",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _read_file(path: Path) -> _Labels:
    try:
        with h5py.File(path, "r") as file:
            return _labels(file, path)
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        RuntimeError,
        AttributeError,
        OverflowError,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is damaged, or not a labels file of SLEAP ({first_line(error).rstrip('.')}). "
            "Save it again from SLEAP."
        ) from error


def _labels(file: h5py.File, path: Path) -> _Labels:
    if missing := [name for name in ("metadata", "frames", "instances") if name not in file]:
        raise DataError(
            f"{path} is an HDF5 file without {missing[0]}. Expected a labels file of SLEAP, "
            ".slp or .pkg.slp."
        )
    version = float(file["metadata"].attrs["format_id"])
    text = file["metadata"].attrs["json"]
    where = f"{path}, metadata"
    text = text.decode() if isinstance(text, bytes) else str(text)
    metadata = expect.mapping(parse_json(text, where), where)
    names = read_skeletons(metadata, where)
    videos = read_videos(file, path, version)
    shift = 0.0 if version >= _CENTRED else -0.5
    tables = {
        kind: _points(_rows(file, name, path), f"{path}, {name}") + shift
        for kind, name in ((_USER, "points"), (_PREDICTED, "pred_points"))
    }
    instances = _rows(file, "instances", path)
    frames = []
    for row, frame in enumerate(_rows(file, "frames", path)):
        where = f"{path}, frames[{row}]"
        number = int(frame["video"])
        if number not in videos:
            raise DataError(f"{where} is of video {number}, which the file does not have.")
        start, stop = int(frame["instance_id_start"]), int(frame["instance_id_end"])
        if not start <= stop <= len(instances):
            raise DataError(
                f"{where} refers to the instances from {start} up to {stop}, but the file has "
                f"{len(instances)}. Save the file again from SLEAP."
            )
        held = [_instance(each, tables, names, where) for each in instances[start:stop]]
        frames.append((number, int(frame["frame_idx"]), held))
    return _Labels(metadata, names, videos, frames)


def _rows(file: h5py.File, name: str, path: Path) -> np.ndarray:
    """Returns a table; empty if the file has none."""
    if name not in file:
        return np.zeros(0)
    table = file[name]
    if table.nbytes > _MOST_TIMES * path.stat().st_size + _ALLOWANCE:
        raise DataError(
            f"{path}: its {name} would unpack to {table.nbytes} bytes, which is implausible for a "
            "file of this size. Save it again from SLEAP."
        )
    return np.asarray(table)


def _points(rows: np.ndarray, where: str) -> np.ndarray:
    """Returns x, y `(N, 2)`; NaN where not visible."""
    if len(rows) == 0:
        return np.zeros((0, 2))
    points = np.stack([rows["x"], rows["y"]], axis=1).astype(float)
    points[~rows["visible"].astype(bool)] = np.nan
    wrong = np.flatnonzero((np.abs(points) >= LARGEST).any(axis=1))
    if len(wrong):
        raise DataError(
            f"{where}[{wrong[0]}] is beyond any image: {points[wrong[0]].tolist()}. Correct it in "
            "SLEAP."
        )
    return points


def _instance(
    row: Any, tables: dict[int, np.ndarray], names: list[list[str]], where: str
) -> tuple[int, int, np.ndarray]:
    kind, skeleton = int(row["instance_type"]), int(row["skeleton"])
    if kind not in tables or not 0 <= skeleton < len(names):
        raise DataError(
            f"{where} has an instance of type {kind} with skeleton {skeleton}. Expected type "
            f"{' or '.join(map(str, tables))} and a skeleton from 0 to {len(names) - 1}. Save the "
            "file again from SLEAP."
        )
    start, stop = int(row["point_id_start"]), int(row["point_id_end"])
    points = tables[kind][start:stop]
    if len(points) != len(names[skeleton]):
        raise DataError(
            f"{where} has an instance with {len(points)} points, but its skeleton has "
            f"{len(names[skeleton])} nodes."
        )
    return kind, skeleton, points


def _chosen(
    instances: list[tuple[int, int, np.ndarray]], predicted: bool, left_out: Counter[str]
) -> list[tuple[int, int, np.ndarray]]:
    """Returns the user instances, or the predicted ones if there are none and they are wanted."""
    user = [each for each in instances if each[0] == _USER]
    others = len(instances) - len(user)
    if user or not predicted:
        if others and predicted:
            left_out["instance: predicted, in a frame that has user instances"] += others
        elif others:
            left_out["instance: predicted (--predicted takes them)"] += others
        return user
    return instances


def _object(points: np.ndarray, names: list[str]) -> LabelledObject:
    labelled = zip(names, points.tolist(), strict=True)
    return LabelledObject({name: (x, y, 2.0) for name, (x, y) in labelled if x == x and y == y})
