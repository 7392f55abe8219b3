"""From a model and material without labels to a folder of frames to label."""

import csv
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.frames.choosing import ALIKE, choose_best
from simplebase.data.frames.sampling import Sampler
from simplebase.data.loading import load_dataset
from simplebase.demo.finding.places import open_finder, require_one_place
from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks import SourceInfo
from simplebase.demo.sinks.labels import (
    coco_folder,
    cvat_folder,
    labelme_folder,
    require_stems,
)
from simplebase.demo.sinks.sink import MARKER
from simplebase.errors import ArgumentError, DataError, SimplebaseError, SimplebaseWarning
from simplebase.files import replacing, require_output
from simplebase.images import DepthRange, decode_image
from simplebase.inference import MIN_SCORE, PoseEstimator
from simplebase.pose import Box
from simplebase.progress import ProgressBar
from simplebase.runtimes import load_runtime
from simplebase.skeletons import Skeleton
from simplebase.suggesting.looking import Look, Looker, parts_of
from simplebase.suggesting.scoring import LabelledPoses, Parts
from simplebase.suggesting.sources import Material, find_material

Labels = Literal["labelme", "coco", "cvat"]

TABLE = "suggestions.csv"
_COLUMNS = ("file", "source", "frame", "score", "mean_score", "mirror", "jump", "unlikely")
_FORMATS = {
    "labelme": (labelme_folder, ""),
    "coco": (coco_folder, "images/"),
    "cvat": (cvat_folder, "images/"),
}
"""Of each format what writes it, and where its images are in the output."""


@dataclass(frozen=True)
class Suggestions:
    """What was written.

    Args:
        folders: of each source the folder's name and its number of frames.
        compared: frames that were looked at.
        alike: those of them that were left out because they look like a chosen one.
        labelled: those that were left out because they look like an image of `labelled`.
        without_object: frames in which no object was found, so that none was looked at.
    """

    folders: dict[str, int]
    compared: int
    alike: int
    labelled: int
    without_object: int

    @property
    def count(self) -> int:
        """Frames in all."""
        return sum(self.folders.values())


def suggest_frames(
    model: str | os.PathLike[str],
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    count: int,
    *,
    progress: ProgressBar,
    labelled: str | os.PathLike[str] | None = None,
    labels: Labels = "labelme",
    box: Box | None = None,
    boxes: str | os.PathLike[str] | None = None,
    detector: str | os.PathLike[str] | None = None,
    detector_class: int = 0,
    every: int = 1,
    min_score: float | None = None,
    alike: float = ALIKE,
) -> Suggestions:
    """Writes the frames that a model is unsure of, with the keypoints that it finds as labels.

    The model looks at whole images, unless `box`, `boxes` or `detector` say where the objects are;
    then frames without an object are left out. What makes a frame interesting is in
    `simplebase.suggesting.scoring`; how near duplicates are left out, in `choose_best`. The same
    input gives the same output. Videos are decoded twice.

    Args:
        model: a model of any format that `load_runtime` opens.
        sources: see `find_material`; each has the same share of the frames.
        output: the folder to write, which must not exist: labels may have been corrected there.
        count: frames to choose of all sources together.
        progress: opens a bar for each reading of a source.
        labelled: a dataset of the model's keypoints; then unlikely poses are interesting, and
            frames that look like one of its images are left out.
        labels: `labelme`, `coco` or `cvat`, the format of the labels.
        box: x, y, width, height of the object in pixels, in every frame.
        boxes: a file of boxes, see `simplebase.demo.finding.boxes.read_frame_boxes`.
        detector: a YOLOX `.onnx` file that finds the objects.
        detector_class: which of its classes, see `Detector`.
        every: look at each such frame of a video only.
        min_score: a keypoint below it is no label; by default what the model's metadata recommend,
            else `MIN_SCORE`.
        alike: grey levels, see `ALIKE`; below 0 nothing is a near duplicate.

    Raises:
        ArgumentError: a value cannot be, a source is given twice, two of `box`, `boxes` and
            `detector` are given, or `labelled` has other keypoints than the model.
        MissingFileError, DataError: an input is missing or not what it should be.
        OutputExistsError: `output` exists.
    """
    if count < 1 or every < 1:
        raise ArgumentError(f"count and every are 1 at least. Received: {count} and {every}.")
    if labels not in _FORMATS:
        raise ArgumentError(f"labels are one of {', '.join(_FORMATS)}. Received: {labels!r}.")
    require_one_place(box, boxes, detector)
    require_output(output, overwrite=False)
    material = find_material(sources)
    if labels == "labelme":
        for each in material:
            require_stems(each.image_names)
    finder = open_finder(box=box, boxes=boxes, detector=detector, detector_class=detector_class)
    estimator = PoseEstimator(load_runtime(model))
    skeleton, depth_range = estimator.skeleton, estimator.runtime.metadata.depth_range
    if min_score is None:
        min_score = estimator.runtime.metadata.min_score
    dataset = None if labelled is None else load_dataset(labelled)
    poses = None if dataset is None else _labelled_poses(dataset, skeleton)
    sampler = Sampler(limit=sys.maxsize)
    looker = Looker(estimator, finder, every, depth_range)
    looks = looker.look_at_all(material, sampler, progress)
    name = ", ".join(each.name for each in material)
    parts = parts_of(looks, poses, material)
    scores = parts.score()
    known: Iterable[np.ndarray] = []
    if dataset is not None:
        known = _small_images(dataset, sampler, depth_range, progress)
    choice = choose_best(sampler.sample(), scores, count, alike=alike, known=known)
    if not choice.moments:
        raise DataError(
            f"{name}: all {len(looks)} frames look like images of {labelled}. Give other material, "
            "or lower --alike."
        )
    places = {look.moment: place for place, look in enumerate(looks)}
    chosen = [places[moment] for moment in choice.moments]
    least = MIN_SCORE if min_score is None else min_score
    info = SourceInfo(name, Path(model).name, skeleton, 0.0, False, least)
    sink, below = _FORMATS[labels]
    with replacing(output) as partial:
        with sink(partial, info, overwrite=False) as write:
            wanted = [looks[place] for place in chosen]
            for number, each in enumerate(material):
                own = {look.moment.index: look for look in wanted if look.moment.video == number}
                for found in _found_again(each, own, progress, depth_range):
                    write(found)
        # With it, `demo --overwrite` would replace labels that were corrected meanwhile.
        (partial / MARKER).unlink()
        best = sorted(chosen, key=lambda place: (-scores[place], place))
        _write_table(partial / TABLE, best, looks, parts, material, below)
    videos = [looks[place].moment.video for place in chosen]
    folders = {each.folder: videos.count(number) for number, each in enumerate(material)}
    return Suggestions(folders, len(looks), choice.alike, choice.known, looker.without_object)


def _labelled_poses(dataset: KeypointDataset, skeleton: Skeleton) -> LabelledPoses | None:
    """The dataset's poses; None, with a warning, where they are too few."""
    names = dataset.skeleton.keypoints
    if sorted(names) != sorted(skeleton.keypoints):
        raise ArgumentError(
            f"{dataset.name} has other keypoints than the model: {', '.join(names)}; the model's "
            f"are {', '.join(skeleton.keypoints)}."
        )
    order = [names.index(name) for name in skeleton.keypoints]
    try:
        return LabelledPoses(dataset.records.keypoints[:, order], dataset.name)
    except DataError as error:
        warnings.warn(f"{error} That part is left out.", SimplebaseWarning, stacklevel=2)
        return None


def _small_images(
    dataset: KeypointDataset,
    sampler: Sampler,
    depth_range: DepthRange | None,
    progress: ProgressBar,
) -> Iterator[np.ndarray]:
    """Small images of the dataset, without those that cannot be read.

    A packed dataset has none: it holds crops, which no frame looks like.
    """
    images = dataset.images.with_default_depth(depth_range)
    if images.matrices is not None:
        return
    firsts = {path: index for index, path in reversed([*enumerate(dataset.records.paths)])}
    with progress(f"reading {dataset.name}") as tell:
        for done, index in enumerate(sorted(firsts.values()), start=1):
            # What is wrong with it is for `data check` to say.
            with suppress(SimplebaseError):
                data, name = images.read(index), images.name(index)
                image = decode_image(data, name, depth_range=images.depth_range)
                yield sampler.small(image)
            tell(done, len(firsts))


def _found_again(
    material: Material,
    looks: dict[int, Look],
    progress: ProgressBar,
    depth_range: DepthRange | None,
) -> Iterator[FramePoses]:
    """The frames of these numbers, with the poses that were found in them."""
    left = dict(looks)
    if not left:
        return
    frames = material.frames("writing frames of", progress, depth_range, only=looks)
    with warnings.catch_warnings(), closing(frames):
        # The first reading said it all.
        warnings.simplefilter("ignore", SimplebaseWarning)
        for frame in frames:
            if (look := left.pop(frame.index, None)) is not None:
                yield FramePoses(replace(frame, name=look.name), look.poses)
            if not left:
                return
    raise DataError(
        f"{material.name}: {len(left)} of the chosen frames were not found again, such as number "
        f"{min(left)}. Was it changed meanwhile?"
    )


def _write_table(
    path: Path,
    places: Sequence[int],
    looks: Sequence[Look],
    parts: Parts,
    material: Sequence[Material],
    below: str,
) -> None:
    """Writes a row for each of the frames at `places`."""
    scores = parts.score()
    columns = (parts.mean_score, parts.mirror, parts.jump, parts.unlikely)
    # A path may be no text; its bytes are kept.
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for place in places:
            look = looks[place]
            figures = [scores[place], *(column[place] for column in columns)]
            writer.writerow(
                [
                    below + look.name,
                    material[look.moment.video].name,
                    look.moment.index,
                    *("" if np.isnan(figure) else f"{figure:.4f}" for figure in figures),
                ]
            )
