"""The settings of the demo."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simplebase.demo.drawing import draw, side_by_side
from simplebase.demo.estimation import FrameEstimator
from simplebase.demo.finding.boxes import Finder
from simplebase.demo.finding.places import open_finder, require_fit, require_one_place
from simplebase.demo.frames import FramePoses
from simplebase.demo.smoothing import OneEuro, Smoothing, smoothing_settings
from simplebase.demo.stages import Stopwatch
from simplebase.errors import ArgumentError
from simplebase.geometry import Fit
from simplebase.images import DepthRange
from simplebase.inference import MIN_SCORE
from simplebase.metadata import ModelMetadata
from simplebase.pose import Box
from simplebase.runtimes import Runtime


@dataclass(frozen=True)
class DemoSettings:
    """How the demo finds objects and draws them.

    Args:
        box: x, y, width, height of the object in pixels. The default is the whole frame.
        boxes: a file of boxes, see `read_frame_boxes`.
        detector: a YOLOX `.onnx` file that finds the objects.
        detector_class: the detector's class to find, see `Detector`.
        detect_every: number of frames between two detections. Between them, objects are tracked by
            their keypoints.
        follow: without a detector, track the object after the first frame by its keypoints.
        fit: how a box is fitted into the model's input, see `Crop.box_matrix`.
        smooth: the filter for the keypoints of a sequence: `one-euro`, `none`, or your own.
        min_score: keypoints with a lower score count as not found: they are not drawn, labelled or
            tracked. The default is the model's recommendation, else `MIN_SCORE`; see `for_model`.
        labels: draw names, boxes, identities and scores.
        heatmap: draw the heatmaps over the frame.
        side_by_side: put the original frame to the left.
        depth_range: which values of images of more than 8 bits become black and white. The default
            is the model's own range from training.

    Raises:
        ArgumentError: several of `box`, `boxes` and `detector` are given, or a value is invalid.
    """

    box: Box | None = None
    boxes: str | os.PathLike[str] | None = None
    detector: str | os.PathLike[str] | None = None
    detector_class: int = 0
    detect_every: int = 5
    follow: bool = False
    fit: Fit = "letterbox"
    smooth: Smoothing | OneEuro = "one-euro"
    min_score: float | None = None
    labels: bool = False
    heatmap: bool = False
    side_by_side: bool = False
    depth_range: DepthRange | None = None

    def __post_init__(self) -> None:
        """Checks the settings and their combinations."""
        require_one_place(self.box, self.boxes, self.detector)
        self.smoothing  # noqa: B018 - raises if there is none of that name
        require_fit(self.fit)
        if self.detect_every < 1:
            raise ArgumentError(
                f"--detect-every must be a number of frames above 0. Received: {self.detect_every}."
            )
        if self.follow and (self.detector or self.boxes):
            raise ArgumentError(
                "--follow cannot be combined with --detector or --boxes. With --detector, objects "
                "are followed anyway; --boxes already says where they are."
            )

    @property
    def smoothing(self) -> OneEuro | None:
        """The filter's settings; None for no filter."""
        return self.smooth if isinstance(self.smooth, OneEuro) else smoothing_settings(self.smooth)

    @property
    def least_score(self) -> float:
        """`min_score`, or the default of models that recommend none."""
        return MIN_SCORE if self.min_score is None else self.min_score

    def for_model(self, metadata: ModelMetadata) -> "DemoSettings":
        """Returns the settings with the model's recommended `min_score` if none was chosen."""
        if self.min_score is not None or metadata.min_score is None:
            return self
        return replace(self, min_score=metadata.min_score)

    def finder(self) -> Finder:
        """Opens the finder of objects, and the files that it needs."""
        return open_finder(
            box=self.box,
            boxes=self.boxes,
            detector=self.detector,
            detector_class=self.detector_class,
        )

    def estimator(
        self, runtime: Runtime, find: Finder, *, is_sequence: bool, stopwatch: Stopwatch
    ) -> FrameEstimator:
        """Returns the estimator of the frames' poses.

        Args:
            runtime: the model.
            find: see `finder`.
            is_sequence: whether frames are consecutive.
            stopwatch: measures the time of the parts.
        """
        find_every = self.detect_every if self.detector is not None else 1
        return FrameEstimator(
            runtime,
            find,
            is_sequence=is_sequence,
            find_every=None if self.follow else find_every,
            distinct=self.detector is not None or self.follow,
            fit=self.fit,
            smoothing=self.smoothing,
            min_score=self.least_score,
            with_heat=self.heatmap,
            stopwatch=stopwatch,
        )

    def painter(self, stopwatch: Stopwatch) -> Callable[[FramePoses], FramePoses]:
        """Returns the function that adds the picture to a result."""
        options: dict[str, Any] = {"min_score": self.least_score, "labels": self.labels}

        def paint(found: FramePoses) -> FramePoses:
            with stopwatch("draw"):
                image = found.frame.image
                picture = draw(image, found.poses, heat=found.heat, **options)
                if self.side_by_side:
                    picture = side_by_side(image, picture)
                return replace(found, picture=picture, heat=None)

        return paint
