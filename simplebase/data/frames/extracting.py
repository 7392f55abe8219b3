"""Writes chosen frames of videos as images to label."""

import csv
import math
import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simplebase.data.frames.choosing import ALIKE, Choice, Method, choose
from simplebase.data.frames.sampling import Moment, Sampler
from simplebase.errors import ArgumentError, DataError, OutputExistsError, SimplebaseWarning
from simplebase.files import replacing, require_output
from simplebase.files.paths import short_names
from simplebase.images import IMAGE_SUFFIXES, encode_image
from simplebase.progress import ProgressBar
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import VideoFile

TABLE = "frames.csv"
_COLUMNS = ("file", "video", "frame", "time")


@dataclass(frozen=True)
class Extraction:
    """The result of an extraction.

    Args:
        folders: folder name and number of frames of each video.
        compared: number of compared frames.
        alike: number of frames that were left out because they look like a chosen one.
    """

    folders: dict[str, int]
    compared: int
    alike: int

    @property
    def count(self) -> int:
        """The total number of frames."""
        return sum(self.folders.values())


def extract_frames(
    videos: Sequence[Path],
    output: Path,
    count: int,
    *,
    progress: ProgressBar,
    method: Method = "kmeans",
    seed: int = 0,
    alike: float = ALIKE,
    start: float = 0.0,
    end: float = math.inf,
    file_format: Literal["png", "jpg"] = "png",
    overwrite: bool = False,
) -> Extraction:
    """Writes frames that are worth labelling, and a table of their origin.

    ```
    OUT/
    ├── frames.csv                file, video, frame (its number from 0), time (seconds)
    └── VIDEO/frame_000123.png    VIDEO: the video's name without its suffix
    ```

    Each video is decoded twice from its beginning, because seeking is not exact in all formats.

    Args:
        videos: the files.
        output: the folder to write.
        count: number of frames from all videos together; each video has the same share.
        progress: opens a progress bar for each reading of a video.
        method: see `choose`.
        seed: see `choose`.
        alike: see `choose`.
        start: seconds from the beginning of each video; earlier frames are ignored.
        end: seconds from the beginning of each video; frames from there on are ignored.
        file_format: format of the images.
        overwrite: replace an earlier output, unless it contains other files.

    Raises:
        ArgumentError: `end` is not after `start`, or a video is given twice.
        MissingFileError: a video does not exist.
        DataError: a video cannot be read, or has no frame between `start` and `end`.
        OutputExistsError: `output` exists and may not be replaced.
    """
    if not start < end:  # also true if one of them is NaN
        raise ArgumentError(f"--end must be after --start. Received: {start:g} and {end:g} s.")
    if count < 1:
        raise ArgumentError(f"--count must be at least 1. Received: {count}.")
    names = _folder_names(videos)
    _require_replaceable(output, overwrite)
    sampler = Sampler()
    for place, path in enumerate(videos):
        _look_at(path, place, sampler, progress, start, end)
    sample = sampler.sample()
    choice = choose(sample, count, method=method, seed=seed, alike=alike)
    with replacing(
        output, overwrite=overwrite, folder_markers=(TABLE,) if overwrite else ()
    ) as partial:
        partial.mkdir()
        rows = []
        for place, (path, name) in enumerate(zip(videos, names, strict=True)):
            own = [moment for moment in choice.moments if moment.video == place]
            rows += list(_write_frames(path, own, partial, name, file_format, progress))
        # A path may not be valid text; its bytes are kept.
        with (partial / TABLE).open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
    return Extraction(_counts(choice, names), len(sample.moments), choice.alike)


def _counts(choice: Choice, names: Sequence[str]) -> dict[str, int]:
    places = [moment.video for moment in choice.moments]
    return {name: places.count(place) for place, name in enumerate(names)}


def _look_at(
    path: Path,
    place: int,
    sampler: Sampler,
    progress: ProgressBar,
    start: float,
    end: float,
) -> None:
    found, last = False, 0.0
    with closing(_frames(path, f"looking at {path.name}", progress)) as frames:
        for frame in frames:
            last = frame.time
            if frame.time >= end:
                break
            if frame.time >= start:
                found = True
                sampler.add(Moment(place, frame.index, frame.time), frame.image)
    if not found:
        until = "" if end == math.inf else f" and before {end:g} s"
        raise DataError(
            f"{path} has no frame from {start:g} s on{until}; the last one that was read is at "
            f"{last:.3f} s. Check --start and --end."
        )


def _write_frames(
    path: Path,
    moments: Sequence[Moment],
    folder: Path,
    name: str,
    file_format: str,
    progress: ProgressBar,
) -> Iterator[tuple[str, str, int, str]]:
    """Writes the images of one video; yields their rows of the table."""
    left = {moment.index for moment in moments}
    if not left:
        return
    (folder / name).mkdir()
    frames = _frames(path, f"writing frames of {path.name}", progress)
    with warnings.catch_warnings(), closing(frames):
        # The first reading has already given all warnings.
        warnings.simplefilter("ignore", SimplebaseWarning)
        for frame in frames:
            if frame.index not in left:
                continue
            file = f"{name}/frame_{frame.index:06d}.{file_format}"
            (folder / file).write_bytes(encode_image(frame.image, f".{file_format}"))
            yield file, os.fspath(path), frame.index, f"{frame.time:.6f}"
            left.remove(frame.index)
            if not left:
                return
    raise DataError(
        f"{path}: {len(left)} of the chosen frames were not found again, such as number "
        f"{min(left)}. Was the file changed meanwhile?"
    )


def _frames(path: Path, label: str, progress: ProgressBar) -> Generator[Frame, None, None]:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise DataError(f"{path} is an image. `data frames` takes videos.")
    with progress(label) as tell, closing(VideoFile.open(path)) as video:
        while (frame := video.read()) is not None:
            if video.count:
                tell(min(frame.index + 1, video.count), video.count)
            yield frame


def _folder_names(videos: Sequence[Path]) -> list[str]:
    """Returns a folder name for each video: its stem, or more of its path if stems are equal."""
    paths = short_names(videos)  # raises an error if one is given twice
    stems = [path.stem.casefold() for path in videos]
    names = [
        path.stem if stems.count(stem) == 1 else "_".join(Path(short).parts)
        for path, stem, short in zip(videos, stems, paths, strict=True)
    ]
    lowered = [name.casefold() for name in names]
    for name in names:
        if lowered.count(name.casefold()) > 1:
            raise ArgumentError(
                f"the frames of two videos would go into the same folder, {name}. Rename one."
            )
    return names


def _require_replaceable(output: Path, overwrite: bool) -> None:
    """Raises an error if the output exists or, with `overwrite`, contains more than frames.

    Labelling tools write their files beside the images, and those must not be lost.
    """
    require_output(output, overwrite=overwrite, folder_markers=(TABLE,) if overwrite else ())
    if not output.exists():
        return
    with (output / TABLE).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        ours = {row[0] for row in csv.reader(file) if row} | {TABLE}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        if not path.is_dir() and name not in ours:
            raise OutputExistsError(
                f"{output} holds {name}, which --overwrite would remove. Move it away, or choose "
                "another path."
            )
