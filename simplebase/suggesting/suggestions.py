"""Writes frames whose labels may improve a model most, with its keypoints as labels to correct."""

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
from simplebase.data.image_store import decode_stored
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
from simplebase.images import DepthRange
from simplebase.inference import MIN_SCORE, PoseEstimator
from simplebase.pose import Box
from simplebase.progress import ProgressBar
from simplebase.runtimes import load_runtime
from simplebase.skeletons import Skeleton
from simplebase.suggesting.predicting import FramePrediction, FramePredictor, compute_criteria
from simplebase.suggesting.scoring import Criteria, LabelledPoses
from simplebase.suggesting.sources import FrameSource, find_sources

Labels = Literal["labelme", "coco", "cvat"]

TABLE = "suggestions.csv"
_COLUMNS = ("file", "source", "frame", "score", "mean_score", "mirror", "jump", "unlikely")
_FORMATS = {
    "labelme": (labelme_folder, ""),
    "coco": (coco_folder, "images/"),
    "cvat": (cvat_folder, "images/"),
}
"""For each format: the function that writes it, and the folder of its images in the output."""


@dataclass(frozen=True)
class Suggestions:
    """What `suggest_frames` wrote and what it left out.

    Args:
        folders: number of written frames by folder; one folder per source.
        compared: number of frames on which the model ran.
        alike: number of these frames that were left out because they look like a chosen one.
        labelled: number of these frames that were left out because they look like an image of the
            labelled dataset.
        without_object: number of frames in which no object was found. The model did not run there.
    """

    folders: dict[str, int]
    compared: int
    alike: int
    labelled: int
    without_object: int

    @property
    def count(self) -> int:
        """Number of written frames."""
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

    The model sees whole images unless `box`, `boxes` or `detector` say where the objects are. In
    that case, frames without an object are left out. `simplebase.suggesting.scoring` describes how
    frames are ranked, and `choose_best` how near duplicates are left out. The same input gives the
    same output. Videos are decoded twice.

    Args:
        model: a model of any format that `load_runtime` opens.
        sources: videos and images, see `find_sources`. Each source contributes the same number of
            frames.
        output: the folder to write. It must not exist, because an earlier one may hold corrected
            labels.
        count: number of frames to choose from all sources together.
        progress: opens a bar each time a source is read.
        labelled: a dataset with the model's keypoints. Poses that are unlike its poses are
            preferred, and frames that look like one of its images are left out.
        labels: `labelme`, `coco` or `cvat`, the format of the labels.
        box: x, y, width, height of the object in pixels, in every frame.
        boxes: a file of boxes, see `simplebase.demo.finding.boxes.read_frame_boxes`.
        detector: a YOLOX `.onnx` file that finds the objects.
        detector_class: the detector's class to look for, see `Detector`.
        every: use only every such frame of a video.
        min_score: keypoints with a lower score are not written as labels. The default is the value
            that the model's metadata recommend, or else `MIN_SCORE`.
        alike: grey levels, see `ALIKE`; below 0 nothing is a near duplicate.

    Raises:
        ArgumentError: a value is invalid, a source is given twice, two of `box`, `boxes` and
            `detector` are given, or the keypoints of `labelled` are not those of the model.
        MissingFileError, DataError: an input is missing or cannot be read.
        OutputExistsError: `output` exists.
    """
    if count < 1 or every < 1:
        raise ArgumentError(f"count and every must be at least 1. Received: {count} and {every}.")
    if labels not in _FORMATS:
        raise ArgumentError(f"labels must be one of {', '.join(_FORMATS)}. Received: {labels!r}.")
    require_one_place(box, boxes, detector)
    require_output(output, overwrite=False)
    found = find_sources(sources)
    if labels == "labelme":
        for source in found:
            require_stems(source.image_names)
    finder = open_finder(box=box, boxes=boxes, detector=detector, detector_class=detector_class)
    estimator = PoseEstimator(load_runtime(model))
    skeleton, metadata = estimator.skeleton, estimator.runtime.metadata
    dataset = None if labelled is None else load_dataset(labelled)
    poses = None if dataset is None else _labelled_poses(dataset, skeleton)
    sampler = Sampler(limit=sys.maxsize)
    predictor = FramePredictor(estimator, finder, every, metadata.depth_range)
    predictions = predictor.predict(found, sampler, progress)
    name = ", ".join(source.name for source in found)
    criteria = compute_criteria(predictions, poses, found)
    scores = criteria.score()
    known: Iterable[np.ndarray] = []
    if dataset is not None:
        known = _small_images(dataset, sampler, metadata.depth_range, progress)
    choice = choose_best(sampler.sample(), scores, count, alike=alike, known=known)
    if not choice.moments:
        raise DataError(
            f"{name}: all {len(predictions)} frames look like images of {labelled}. Give other "
            "videos or images, or lower --alike."
        )
    places = {prediction.moment: place for place, prediction in enumerate(predictions)}
    chosen = [places[moment] for moment in choice.moments]
    recommended = MIN_SCORE if metadata.min_score is None else metadata.min_score
    least = recommended if min_score is None else min_score
    info = SourceInfo(name, Path(model).name, skeleton, 0.0, False, least)
    sink, below = _FORMATS[labels]
    with replacing(output) as partial:
        with sink(partial, info, overwrite=False) as write:
            wanted = [predictions[place] for place in chosen]
            for number, source in enumerate(found):
                own = {each.moment.index: each for each in wanted if each.moment.video == number}
                for frame in _chosen_frames(source, own, progress, metadata.depth_range):
                    write(frame)
        # Without the marker, `demo --overwrite` refuses to replace labels that may be corrected.
        (partial / MARKER).unlink()
        best = sorted(chosen, key=lambda place: (-scores[place], place))
        _write_table(partial / TABLE, best, predictions, criteria, found, below)
    videos = [predictions[place].moment.video for place in chosen]
    return Suggestions(
        folders={source.folder: videos.count(number) for number, source in enumerate(found)},
        compared=len(predictions),
        alike=choice.alike,
        labelled=choice.known,
        without_object=predictor.without_object,
    )


def _labelled_poses(dataset: KeypointDataset, skeleton: Skeleton) -> LabelledPoses | None:
    """Returns the poses of the dataset, or None with a warning if there are too few."""
    names = dataset.skeleton.keypoints
    if sorted(names) != sorted(skeleton.keypoints):
        raise ArgumentError(
            f"the keypoints of {dataset.name} are not those of the model. The dataset has "
            f"{', '.join(names)}; the model has {', '.join(skeleton.keypoints)}."
        )
    order = [names.index(name) for name in skeleton.keypoints]
    try:
        return LabelledPoses(dataset.records.keypoints[:, order], dataset.name)
    except DataError as error:
        warnings.warn(f"{error} The poses are not compared.", SimplebaseWarning, stacklevel=2)
        return None


def _small_images(
    dataset: KeypointDataset,
    sampler: Sampler,
    depth_range: DepthRange | None,
    progress: ProgressBar,
) -> Iterator[np.ndarray]:
    """Yields small copies of the dataset's images, without those that cannot be read.

    A packed dataset yields none, because it holds crops, and a crop looks like no frame.
    """
    images = dataset.images.with_default_depth(depth_range)
    if images.matrices is not None:
        return
    firsts = {path: index for index, path in reversed([*enumerate(dataset.records.paths)])}
    with progress(f"reading {dataset.name}") as tell:
        for done, index in enumerate(sorted(firsts.values()), start=1):
            # An unreadable image is skipped here; `data check` reports it.
            with suppress(SimplebaseError):
                yield sampler.small(decode_stored(images, index))
            tell(done, len(firsts))


def _chosen_frames(
    source: FrameSource,
    predictions: dict[int, FramePrediction],
    progress: ProgressBar,
    depth_range: DepthRange | None,
) -> Iterator[FramePoses]:
    """Reads the source again and yields the frames with these numbers and their predicted poses."""
    left = dict(predictions)
    if not left:
        return
    frames = source.frames("writing frames of", progress, depth_range, only=predictions)
    with warnings.catch_warnings(), closing(frames):
        # The first reading already gave these warnings.
        warnings.simplefilter("ignore", SimplebaseWarning)
        for frame in frames:
            if (prediction := left.pop(frame.index, None)) is not None:
                yield FramePoses(replace(frame, name=prediction.name), prediction.poses)
            if not left:
                return
    raise DataError(
        f"{source.name}: {len(left)} of the chosen frames could not be read a second time, such as "
        f"number {min(left)}. Did the file change in the meantime?"
    )


def _write_table(
    path: Path,
    places: Sequence[int],
    predictions: Sequence[FramePrediction],
    criteria: Criteria,
    sources: Sequence[FrameSource],
    below: str,
) -> None:
    """Writes a row for each of the frames at `places`."""
    scores = criteria.score()
    columns = (criteria.mean_score, criteria.mirror, criteria.jump, criteria.unlikely)
    # The bytes of a path may not be valid UTF-8; surrogateescape writes them unchanged.
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for place in places:
            prediction = predictions[place]
            figures = [scores[place], *(column[place] for column in columns)]
            writer.writerow(
                [
                    below + prediction.name,
                    sources[prediction.moment.video].name,
                    prediction.moment.index,
                    *("" if np.isnan(figure) else f"{figure:.4f}" for figure in figures),
                ]
            )
