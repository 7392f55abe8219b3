"""Processes images, videos and webcam frames for the page, independently of Gradio."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.demo.estimation import FrameEstimator
from simplebase.demo.frames import FramePoses
from simplebase.demo.run import DemoProgress, run_demo, with_skeleton
from simplebase.demo.settings import DemoSettings
from simplebase.demo.sinks import SourceInfo, open_sink
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.smoothing import OneEuro, Smoothing
from simplebase.demo.stages import Stopwatch, guarded
from simplebase.errors import ArgumentError, DataError
from simplebase.files import short_names
from simplebase.images import read_image
from simplebase.pose import Pose
from simplebase.runtimes import Runtime, load_runtime
from simplebase.skeletons import Skeleton
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import DEFAULT_FPS

IMAGE_LIMIT = 100_000_000
"""Most bytes of an image file. A JPEG of 150 megapixels has about 80 MB."""
_PATIENCE = 10.0
"""Seconds to wait for running work when the page ends."""

Row = list[Any]
"""A row of the keypoint table: object, keypoint, x, y, score."""

COLUMNS = ("object", "keypoint", "x", "y", "score")
STILL_STRENGTH = 0.5
"""Position of the slider for the command line's filter."""


@dataclass(frozen=True)
class Choice:
    """The choices on the page.

    Args:
        model: one of `PageSession.names`.
        min_score: keypoints with a lower score count as not found.
        smoothing: from 0 (none) to 1.
    """

    model: str
    min_score: float
    smoothing: float


class PageSession:
    """The models of one start of the page, each opened when it is first used.

    Args:
        models: paths of model files. The first is selected at the start.
        settings: how objects are found and drawn. The page's own controls take precedence.
        skeleton: names, links and colours instead of the models'.
        prepare: is called with the path of a model before it is opened, in the same thread.
    """

    def __init__(
        self,
        models: Sequence[Path],
        settings: DemoSettings,
        skeleton: Skeleton | None = None,
        prepare: Callable[[Path], None] | None = None,
    ) -> None:
        self.names = short_names(models)
        self._paths = dict(zip(self.names, models, strict=True))
        self._settings = settings
        self._skeleton = skeleton
        self._prepare = prepare or (lambda path: None)
        self._find = settings.finder()
        self._runtimes: dict[str, Runtime] = {}
        # Libraries and trackers process one image at a time.
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._jobs = 0
        self._is_closed = False

    def least_score(self) -> float:
        """Returns the slider's initial value: the chosen one, else the first model's.

        Raises:
            SimplebaseError: see `load_runtime`; a model is opened only if nothing was chosen.
        """
        if self._settings.min_score is not None:
            return self._settings.min_score
        return self._settings.for_model(self._runtime(self.names[0]).metadata).least_score

    @contextmanager
    def working(self) -> Iterator[None]:
        """Accepts images and videos during the block; at its end, running work is stopped."""
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = True
                self._changed.wait_for(lambda: self._jobs == 0, _PATIENCE)

    def image(self, path: str, choice: Choice, folder: Path) -> tuple[np.ndarray, list[Row], Path]:
        """Returns the image with its drawing, the keypoints, and their JSON file in `folder`.

        Raises:
            DataError: it cannot be read, or is larger than `IMAGE_LIMIT`.
        """
        size = Path(path).stat().st_size
        if size > IMAGE_LIMIT:
            raise DataError(
                f"{Path(path).name} has {size / 1e6:.0f} MB, but an image may have at most "
                f"{IMAGE_LIMIT / 1e6:.0f} MB. Shrink it, or use `simplebase demo --input`."
            )
        metadata = self._runtime(choice.model).metadata
        image = read_image(path, self._settings.depth_range or metadata.depth_range)
        frame = Frame(image, 0, 0.0, Path(path).name, Path(path))
        found = self.look(self.estimator(choice, is_sequence=False), frame, choice)
        target = folder / f"{Path(path).stem}.json"
        with (
            self._job(),
            open_sink(target, "json", self._source_info(choice, path), overwrite=True) as write,
        ):
            write(found)
        return drawn(found), rows(found.poses), target

    def video(
        self, path: str, choice: Choice, folder: Path, observe: Callable[[DemoProgress], None]
    ) -> tuple[Path, list[Row], Path]:
        """Returns a video for browsers, the last frame's keypoints, and a JSON file of all."""
        stem = Path(path).stem
        picture, figures = folder / f"{stem}_poses.webm", folder / f"{stem}.json"

        def watched(progress: DemoProgress) -> None:
            self._require_open()
            observe(progress)

        # It opens its own model and detector, so that others need not wait for the video's end.
        with self._job():
            progress = run_demo(
                self._path(choice.model),
                path,
                [picture, figures],
                settings=self._chosen(choice),
                skeleton=self._skeleton,
                overwrite=True,
                observe=watched,
            )
        return picture, rows(progress.poses), figures

    def webcam(self) -> "Webcam":
        """Returns the object that processes one visitor's webcam."""
        return Webcam(self)

    def look(self, estimate: FrameEstimator, frame: Frame, choice: Choice) -> FramePoses:
        """Returns the result for a frame, with its picture; DataError if the frame is too large."""
        with self._lock:
            found = guarded(estimate, frame, frame)
        return guarded(self._chosen(choice).painter(Stopwatch()), found, frame)

    def estimator(self, choice: Choice, *, is_sequence: bool) -> FrameEstimator:
        """Returns the estimator of the frames' poses, for use by `look` only."""
        return self._chosen(choice).estimator(
            self._runtime(choice.model),
            self._find,
            is_sequence=is_sequence,
            stopwatch=Stopwatch(),
        )

    @contextmanager
    def _job(self) -> Iterator[None]:
        """Marks work that writes files, so that their folder is not deleted meanwhile."""
        with self._changed:
            self._require_open()
            self._jobs += 1
        try:
            yield
        finally:
            with self._changed:
                self._jobs -= 1
                self._changed.notify_all()

    def _require_open(self) -> None:
        if self._is_closed:
            raise DataError("The page was closed.")

    def _chosen(self, choice: Choice) -> DemoSettings:
        smooth: Smoothing | OneEuro = filter_of(choice.smoothing) or "none"
        return replace(self._settings, min_score=choice.min_score, smooth=smooth)

    def _path(self, name: str) -> Path:
        """Returns the path of a model that is about to be opened."""
        if name not in self._paths:
            raise ArgumentError(f"{name!r} is not one of the models: {', '.join(self.names)}.")
        self._prepare(self._paths[name])
        return self._paths[name]

    def _runtime(self, name: str) -> Runtime:
        with self._lock:
            if name not in self._runtimes:
                runtime = load_runtime(self._path(name))
                self._runtimes[name] = with_skeleton(runtime, self._skeleton)
            return self._runtimes[name]

    def _source_info(self, choice: Choice, path: str) -> SourceInfo:
        return SourceInfo(
            source=Path(path).name,
            model=choice.model,
            skeleton=self._runtime(choice.model).metadata.skeleton,
            fps=DEFAULT_FPS,
            is_sequence=False,
            min_score=choice.min_score,
        )


class Webcam:
    """Tracks the objects in one visitor's webcam, until a choice changes.

    Args:
        session: provides the models.
    """

    def __init__(self, session: PageSession) -> None:
        self._session = session
        self._choice: Choice | None = None
        self._estimate: FrameEstimator | None = None
        self._started = 0.0
        self._count = 0

    def __call__(self, image: np.ndarray, choice: Choice) -> tuple[np.ndarray, list[Row]]:
        """Returns the frame with its drawing, and its keypoints."""
        now = time.monotonic()
        if self._estimate is None or choice != self._choice:
            self._estimate = self._session.estimator(choice, is_sequence=True)
            self._choice, self._started = choice, now
        frame = Frame(image, self._count, now - self._started, f"webcam_{self._count:06d}.jpg")
        self._count += 1
        found = self._session.look(self._estimate, frame, choice)
        return drawn(found), rows(found.poses)


def filter_of(strength: float) -> OneEuro | None:
    """Returns the filter for a slider from 0 (none) to 1; the middle is the default filter."""
    if strength <= 0:
        return None
    # From ten times the default's cutoff to a tenth of it.
    cutoff = OneEuro().min_cutoff * 10 ** (2 * (STILL_STRENGTH - strength))
    return OneEuro(min_cutoff=cutoff)


def rows(poses: Sequence[Pose]) -> list[Row]:
    """Returns the keypoint table of poses."""
    return [
        [pose.identity or number, name, round(x, 1), round(y, 1), round(score, 3)]
        for number, pose in enumerate(poses, start=1)
        for name, (x, y, score) in zip(pose.names, pose.keypoints.tolist(), strict=True)
    ]
