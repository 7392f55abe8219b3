"""From a model and material without labels to a folder of frames to label."""

import csv
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.data.frames.choosing import ALIKE, choose_best
from simplebase.data.frames.sampling import Sampler
from simplebase.data.loading import load_dataset
from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks import SourceInfo
from simplebase.demo.sinks.labels import coco_folder, labelme_folder, require_stems
from simplebase.demo.sinks.sink import MARKER
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.files import replacing, require_output
from simplebase.images import DepthRange
from simplebase.inference import PoseEstimator, whole_image
from simplebase.pose import Pose
from simplebase.progress import ProgressBar
from simplebase.runtimes import load_runtime
from simplebase.skeletons import Skeleton
from simplebase.suggesting.looking import Look, look_at_all, parts_of
from simplebase.suggesting.scoring import LabelledPoses, Parts
from simplebase.suggesting.sources import Material, find_material

Labels = Literal["labelme", "coco"]

TABLE = "suggestions.csv"
_COLUMNS = ("file", "source", "frame", "score", "mean_score", "mirror", "jump", "unlikely")
_FORMATS = {"labelme": (labelme_folder, ""), "coco": (coco_folder, "images/")}


@dataclass(frozen=True)
class Suggestions:
    """What was written.

    Args:
        folders: of each source the folder's name and its number of frames.
        compared: frames that were looked at.
        alike: those of them that were left out because they look like a chosen one.
    """

    folders: dict[str, int]
    compared: int
    alike: int

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
    every: int = 1,
    min_score: float = 0.1,
    alike: float = ALIKE,
) -> Suggestions:
    """Writes the frames that a label would teach most, with what the model finds as labels.

    The model looks at whole images. What makes a frame interesting is in
    `simplebase.suggesting.scoring`; how near duplicates are left out, in `choose_best`. The same
    input gives the same output. Videos are decoded twice.

    Args:
        model: a model of any format that `load_runtime` opens.
        sources: see `find_material`; each has the same share of the frames.
        output: the folder to write, which must not exist: labels may have been corrected there.
        count: frames to choose of all sources together.
        progress: opens a bar for each reading of a source.
        labelled: a dataset of the model's keypoints; then unlikely poses are interesting.
        labels: `labelme` or `coco`, the format of the labels.
        every: look at each such frame of a video only.
        min_score: a keypoint below it is no label.
        alike: grey levels, see `ALIKE`; below 0 nothing is a near duplicate.

    Raises:
        ArgumentError: a value cannot be, a source is given twice, or `labelled` has other
            keypoints than the model.
        MissingFileError, DataError: an input is missing or not what it should be.
        OutputExistsError: `output` exists.
    """
    if count < 1 or every < 1:
        raise ArgumentError(f"count and every are 1 at least. Received: {count} and {every}.")
    if labels not in _FORMATS:
        raise ArgumentError(f"labels are one of {', '.join(_FORMATS)}. Received: {labels!r}.")
    require_output(output, overwrite=False)
    material = find_material(sources)
    if labels == "labelme":
        for each in material:
            require_stems(each.image_names)
    estimator = PoseEstimator(load_runtime(model))
    skeleton, depth_range = estimator.skeleton, estimator.runtime.metadata.depth_range
    poses = None if labelled is None else _labelled_poses(labelled, skeleton)
    sampler = Sampler(limit=sys.maxsize)
    looks = look_at_all(material, estimator, sampler, every, progress, depth_range)
    parts = parts_of(looks, poses, material)
    scores = parts.score()
    choice = choose_best(sampler.sample(), scores, count, alike=alike)
    places = {look.moment: place for place, look in enumerate(looks)}
    chosen = [places[moment] for moment in choice.moments]
    name = ", ".join(each.name for each in material)
    info = SourceInfo(name, Path(model).name, skeleton, 0.0, False, min_score)
    sink, below = _FORMATS[labels]
    with replacing(output) as partial:
        with sink(partial, info, overwrite=False) as write:
            wanted = [looks[place] for place in chosen]
            for number, each in enumerate(material):
                own = {look.moment.index: look for look in wanted if look.moment.video == number}
                for found in _found_again(each, own, skeleton, progress, depth_range):
                    write(found)
        # With it, `demo --overwrite` would replace labels that were corrected meanwhile.
        (partial / MARKER).unlink()
        best = sorted(chosen, key=lambda place: (-scores[place], place))
        _write_table(partial / TABLE, best, looks, parts, material, below)
    videos = [looks[place].moment.video for place in chosen]
    folders = {each.folder: videos.count(number) for number, each in enumerate(material)}
    return Suggestions(folders, len(looks), choice.alike)


def _labelled_poses(folder: str | os.PathLike[str], skeleton: Skeleton) -> LabelledPoses:
    dataset = load_dataset(folder)
    names = dataset.skeleton.keypoints
    if sorted(names) != sorted(skeleton.keypoints):
        raise ArgumentError(
            f"{folder} has other keypoints than the model: {', '.join(names)}; the model's are "
            f"{', '.join(skeleton.keypoints)}."
        )
    order = [names.index(name) for name in skeleton.keypoints]
    return LabelledPoses(dataset.records.keypoints[:, order], os.fspath(folder))


def _found_again(
    material: Material,
    looks: dict[int, Look],
    skeleton: Skeleton,
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
                box = whole_image(frame.image)
                yield FramePoses(frame, [Pose(look.keypoints, box, skeleton)])
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
