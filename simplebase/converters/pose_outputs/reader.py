"""Reads results of OpenPose, AlphaPose and MediaPipe as labels to correct.

- OpenPose (https://github.com/CMU-Perceptual-Computing-Lab/openpose): `NAME_keypoints.json` for the
  image `NAME.jpg`, 25 or 18 points in pixels; a score of 0 is a point that was not found.
- AlphaPose (https://github.com/MVIG-SJTU/AlphaPose): one `alphapose-results.json` for all images,
  17, 26 or 133 points in pixels, and boxes. Its forms `open` and `cmu` have the 18 points of
  OpenPose, without boxes, and `sep-json/` repeats them by image.
- MediaPipe (https://github.com/google-ai-edge/mediapipe): `NAME.json` or `NAME.pbtxt` with
  landmarks, 33 of a person or 21 of a hand, as parts of the image's width and height.

For the first two, an integer is a pixel's centre. MediaPipe's range from 0 to 1 starts at the outer
edge of the first pixel and ends at that of the last, so half a pixel is subtracted.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_files import report_unreadable
from simplebase.converters.label_sources import (
    UNREAD_IMAGE,
    ImagesByStem,
    files_below,
    require_source,
)
from simplebase.converters.labelled import LabelledImage, LabelledObject, to_conversion
from simplebase.converters.pose_outputs.files import (
    OPENPOSE_END,
    SUFFIXES,
    Pose,
    Tool,
    read_poses,
)
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.geometry import Size
from simplebase.images import image_size
from simplebase.progress import Progress
from simplebase.skeletons import load_skeleton

WHAT = "the folder with the results of OpenPose, AlphaPose or MediaPipe"
SKELETONS: dict[Tool, dict[int, str]] = {
    "OpenPose": {25: "openpose25", 18: "openpose18"},
    "AlphaPose": {17: "coco", 18: "openpose18", 26: "halpe26", 133: "coco_wholebody"},
    "MediaPipe": {33: "blazepose33", 21: "hand21"},
}
"""The built-in skeletons of the tools' results, by their number of points."""
_PIXEL_CENTRE = 0.5
_ALL_IMAGES, _BY_IMAGE = "alphapose-results.json", "sep-json"


def read_pose_outputs(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    min_score: float = 0.3,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads all results of one tool in a folder and its subfolders.

    Args:
        source: the folder, or one file.
        image_folder: the images' folder. By default they are beside the results.
        min_score: points with a lower score are not labelled.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished files and the total.

    Raises:
        ArgumentError: `min_score` is not between 0 and 1.
        MissingFileError: the source or the image folder does not exist.
        DataError: there are no results, they are from several tools or have different numbers of
            points, or they are not in pixels.

    Unreadable files are left out, counted in `left_out`, and named in a warning.
    """
    if not 0 <= min_score <= 1:
        raise ArgumentError(f"the lowest score must be between 0 and 1. Received: {min_score}.")
    source = require_source(Path(source), WHAT)
    folder = source if source.is_dir() else source.parent
    root = folder if image_folder is None else Path(image_folder)
    if not root.is_dir():
        raise MissingFileError(f"{root}: the image folder does not exist.")
    left_out: Counter[str] = Counter()
    tool, files = _read_files(source, left_out, progress)
    poses = [pose for found in files.values() for pose in found]
    skeleton = load_skeleton(_skeleton_name(tool, poses, source))
    if tool != "MediaPipe":
        _require_pixels(tool, poses, source)
    builder = _Builder(tool, root, skeleton.keypoints, min_score)
    images = []
    for path, found in files.items():
        images += builder.images(path.relative_to(folder), found, left_out)
    notes = [
        f"results of {tool}, skeleton {skeleton.name}",
        f"points with a score below {min_score:g}, which are not labelled: "
        f"{builder.unlabelled} of {builder.total}",
    ]
    if parts := sum(pose.parts for pose in poses):
        notes.append(f"faces and hands, which are not read: {parts}")
    return to_conversion(
        root,
        list(files),
        images,
        skeleton,
        dataset=tool.lower(),
        folder_option="simplebase convert pose-outputs --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _read_files(
    source: Path, left_out: Counter[str], progress: Progress | None
) -> tuple[Tool, dict[Path, list[Pose]]]:
    """Returns the tool, and its results by file."""
    paths = files_below(source, SUFFIXES) if source.is_dir() else [source]
    paths = [path for path in paths if not _is_repeated(path)]
    files: dict[Path, list[Pose]] = {}
    tools: dict[Tool, Path] = {}
    unreadable = []
    for done, path in enumerate(paths, start=1):
        try:
            read = read_poses(path)
        except DataError as error:
            unreadable.append(str(error))
            continue
        if read is None:
            left_out["file: no results of OpenPose, AlphaPose or MediaPipe"] += 1
        else:
            tool, files[path] = read
            tools.setdefault(tool, path)
        if progress:
            progress(done, len(paths))
    report_unreadable(unreadable, len(files), len(paths), f"files in {source}", left_out)
    if not any(files.values()):
        raise DataError(
            f"{source}: expected results of OpenPose (*_keypoints.json), AlphaPose "
            "(alphapose-results.json) or MediaPipe (landmarks in .json or .pbtxt). Found "
            f"{len(paths)} .json and .pbtxt files, {len(files)} of them results, without a pose."
        )
    if len(tools) > 1:
        (one, first), (other, second), *_ = tools.items()
        raise DataError(f"{first} is of {one}, {second} of {other}. Convert one tool at a time.")
    return next(iter(tools)), files


def _is_repeated(path: Path) -> bool:
    """Returns whether AlphaPose wrote the same results to one file as well."""
    return path.parent.name == _BY_IMAGE and (path.parent.parent / _ALL_IMAGES).is_file()


def _skeleton_name(tool: Tool, poses: Sequence[Pose], source: Path) -> str:
    """Returns the skeleton for the only number of points that occurs.

    Raises:
        DataError: there are several numbers, or the number is unknown.
    """
    counts = {len(pose.points): pose.where for pose in poses}
    if len(counts) > 1:
        (one, first), (other, second), *_ = counts.items()
        raise DataError(
            f"{first} has {one} points, {second} {other}. Convert results of one model at a time."
        )
    (count,) = counts
    if count not in SKELETONS[tool]:
        known = ", ".join(map(str, SKELETONS[tool]))
        raise DataError(
            f"{source}: {tool}'s results have {count} points. Those of {known} are read."
        )
    return SKELETONS[tool][count]


def _require_pixels(tool: Tool, poses: Sequence[Pose], source: Path) -> None:
    """Raises an error for coordinates from 0 to 1 or from -1 to 1.

    Raises:
        DataError: all points lie within this range, so they are not pixels.
    """
    places = np.concatenate([pose.points[pose.points[:, 2] > 0, :2] for pose in poses])
    if len(places) and np.abs(places).max() <= 1:
        raise DataError(
            f"{source}: all coordinates of {tool} are between -1 and 1, so they are not pixels. "
            "Have it write pixels; OpenPose does with --keypoint_scale 0."
        )


class _Builder:
    """Makes labelled images, and counts points with low scores."""

    def __init__(
        self, tool: Tool, root: Path, keypoints: tuple[str, ...], min_score: float
    ) -> None:
        self.unlabelled = 0
        self.total = 0
        self._tool = tool
        self._root = root
        self._keypoints = keypoints
        self._min_score = min_score
        self._by_stem = ImagesByStem(root)

    def images(
        self, name: Path, poses: Sequence[Pose], left_out: Counter[str]
    ) -> list[LabelledImage]:
        """Yields the images of a results file, whose `name` is relative to the source."""
        images: dict[str | None, list[Pose]] = {}
        for pose in poses:
            images.setdefault(pose.image, []).append(pose)
        made = []
        for image, found in images.items():
            stated = self._stated(name, image)
            if image is None and self._by_stem.is_unread(stated.name):
                left_out[UNREAD_IMAGE] += len(found)
                continue
            scale: Size | None = None
            if self._tool == "MediaPipe":
                scale = self._size(stated)
                if scale is None:
                    left_out["no size: the image cannot be read"] += len(found)
                    continue
            objects = [self._object(pose, scale) for pose in found]
            made.append(LabelledImage(stated, None, objects, found[0].where))
        return made

    def _stated(self, name: Path, image: str | None) -> StatedImage:
        if image is not None:
            return StatedImage(image)
        stem = name.stem
        if self._tool == "OpenPose":
            stem = stem.removesuffix(OPENPOSE_END)
        return self._by_stem.find(name.parent.as_posix(), stem)

    def _size(self, stated: StatedImage) -> Size | None:
        """Returns the size of an image; one pixel if it is missing, `None` if it is unreadable."""
        path = self._root / stated.name
        if not path.is_file():
            return 1, 1
        try:
            return image_size(path)
        except DataError:
            return None

    def _object(self, pose: Pose, size: Size | None) -> LabelledObject:
        """Converts the points of a pose; if `size` is given, they are fractions of the sides."""
        points = pose.points
        places = points[:, :2]
        if size is not None:
            places = places * size[::-1] - _PIXEL_CENTRE
        sure = (points[:, 2] >= self._min_score) & (points[:, 2] > 0)
        self.unlabelled += int((~sure).sum())
        self.total += len(points)
        return LabelledObject(
            {
                name: (float(x), float(y), 2.0)
                for name, (x, y), chosen in zip(self._keypoints, places, sure, strict=True)
                if chosen
            },
            pose.box,
        )
