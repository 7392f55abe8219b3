"""Finds the objects in the unlabelled images that the user names."""

import hashlib
import math
import os
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np

from simplebase.data.dataset import KeypointDataset, annotation_file, load_folder
from simplebase.data.image_store import FolderImages
from simplebase.demo.finding.boxes import BoxesByFrame
from simplebase.demo.finding.places import open_finder
from simplebase.demo.sources import ImageFiles, open_source
from simplebase.errors import DataError, MissingFileError
from simplebase.files import cache_folder, replacing
from simplebase.files.locks import turn
from simplebase.images import VIDEO_SUFFIXES, DepthRange, encode_image, read_image
from simplebase.progress import ProgressBar
from simplebase.training.unlabelled.images import UnlabelledImages
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import VideoFile

FRAME_SPACING = 0.2
"""Least seconds between two frames of a video. Closer frames are nearly the same."""
_ROUNDING = 0.002
"""Tolerance in seconds, because some formats round time stamps to milliseconds."""


def find_objects(
    images: UnlabelledImages,
    labelled: KeypointDataset,
    progress: ProgressBar,
    depth_range: DepthRange | None = None,
) -> UnlabelledPool:
    """Reads the images once and finds the objects in them.

    Frames of videos are written into the cache folder, where later runs find them. Files that are
    images of the labelled dataset, including its val split, are left out.

    Args:
        images: the sources.
        labelled: the labelled dataset.
        progress: opens a bar for each source.
        depth_range: which values of images of more than 8 bits become black and white.

    Raises:
        MissingFileError: a source does not exist.
        DataError: no image can be read, or no object is found.
    """
    finder = open_finder(
        boxes=images.boxes, detector=images.detector, detector_class=images.detector_class
    )
    labelled_files = _image_files(labelled)
    pools: list[UnlabelledPool] = []
    excluded = read = 0
    for source in map(Path, images.sources):
        if source.is_dir() and annotation_file(source).is_file():
            found = UnlabelledPool.from_dataset(_load_folder(source))
            new = np.array([os.path.realpath(path) not in labelled_files for path in found.paths])
            excluded, read = excluded + int((~new).sum()), read + len(new)
            pools.append(found.select(new))
            continue
        paths: list[str] = []
        boxes: list[tuple[float, ...]] = []
        with closing(_frames(source, progress, depth_range)) as frames:
            for frame in frames:
                read += 1
                if os.path.realpath(str(frame.path)) in labelled_files:
                    excluded += 1
                    continue
                found_boxes = finder(frame)
                paths += [str(frame.path)] * len(found_boxes)
                boxes += found_boxes
        pools.append(UnlabelledPool.from_boxes(paths, boxes))
    if isinstance(finder, BoxesByFrame):
        finder.warn_of_unused()
    pool = pools[0].joined(*pools[1:])
    if len(pool) == 0:
        raise DataError(_no_object(images, read, excluded))
    return pool


def restore_frames(images: UnlabelledImages, progress: ProgressBar) -> None:
    """Writes frames of videos again if they were removed from the cache folder."""
    for source in map(Path, images.sources):
        if _is_video(source):
            _video_frames(source, progress)


def _no_object(images: UnlabelledImages, read: int, excluded: int) -> str:
    names = ", ".join(Path(source).name for source in images.sources)
    if read == 0:
        return f"{names}: none of the unlabelled images can be read."
    if excluded == read:
        return (
            f"{names}: all {read} unlabelled images are images of the labelled dataset, which are "
            "left out. Give other images."
        )
    option, finds = "detector", "the detector finds"
    if images.boxes is not None:
        option, finds = "boxes", f"{Path(images.boxes).name} has"
    return (
        f"{names}: {finds} no object in any of the {read} unlabelled images. Check "
        f"--unlabelled-{option}, or leave it out if the object fills the image."
    )


def _image_files(dataset: KeypointDataset) -> set[str]:
    store = dataset.images
    if not isinstance(store, FolderImages):
        return set()
    return {os.path.realpath(store.folder / path) for path in set(store.paths)}


def _load_folder(folder: Path) -> KeypointDataset:
    try:
        return load_folder(folder)
    except MissingFileError as error:
        raise MissingFileError(
            f"{error} If the folder has no skeleton, give its images instead: "
            f"'{folder / 'images' / '*.jpg'}'."
        ) from error


def _is_video(source: Path) -> bool:
    return source.is_file() and source.suffix.lower() in VIDEO_SUFFIXES


def _frames(
    source: Path, progress: ProgressBar, depth_range: DepthRange | None
) -> Generator[Frame, None, None]:
    """Yields the image files of a source, with their names in a file of boxes."""
    if _is_video(source):
        folder = _video_frames(source, progress)
        for path in sorted(folder.iterdir()):
            index = int(path.stem.rpartition("_")[2])
            yield Frame(read_image(path), index, 0.0, path.name, path)
        return
    with (
        closing(open_source(source)) as opened,
        progress(f"reading {source.name}") as tell,
    ):
        assert isinstance(opened, ImageFiles), "an absolute path is not a camera"
        opened.depth_range = depth_range
        while (frame := opened.read()) is not None:
            yield frame
            tell(frame.index + 1, opened.count)


def _video_frames(video: Path, progress: ProgressBar) -> Path:
    """Returns the folder of a video's frames, which are at least `FRAME_SPACING` apart."""
    status = video.stat()
    key = f"{video.resolve()} {status.st_size} {status.st_mtime_ns} {FRAME_SPACING}"
    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:32]
    folder = cache_folder() / "frames" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with turn(folder.with_name(f".{name}.lock"), f"the frames of {video}"):
        if not folder.is_dir():
            with replacing(folder) as partial:
                partial.mkdir()
                _write_frames(video, partial, progress)
    return folder


def _write_frames(video: Path, folder: Path, progress: ProgressBar) -> None:
    last = -math.inf
    with closing(VideoFile.open(video)) as opened, progress(f"reading {video.name}") as tell:
        while (frame := opened.read()) is not None:
            if frame.time - last >= FRAME_SPACING - _ROUNDING:
                last = frame.time
                (folder / frame.name).write_bytes(encode_image(frame.image, ".jpg"))
            # The number of a video's frames is an estimate.
            tell(frame.index + 1, max(opened.count or 0, frame.index + 1))
