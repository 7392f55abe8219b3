"""Runs the demo: from a source through the model to files, a window or a browser."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from simplebase.demo.finding.boxes import BoxesByFrame
from simplebase.demo.frames import FramePoses, Source
from simplebase.demo.settings import MIN_SCORE, DemoSettings
from simplebase.demo.sinks import (
    PICTURES,
    OutputFormat,
    SourceInfo,
    Write,
    check_output,
    open_sink,
    output_format,
    require_distinct,
)
from simplebase.demo.sources import ImageFiles, open_source
from simplebase.demo.stages import Stopwatch, results_of
from simplebase.demo.window import WindowClosed, require_display, window
from simplebase.errors import DataError
from simplebase.metadata import ModelMetadata
from simplebase.pose import Pose
from simplebase.runtimes import Runtime, load_runtime
from simplebase.skeletons import Skeleton
from simplebase.videos.video_file import DEFAULT_FPS

if TYPE_CHECKING:
    from simplebase.demo.serve import PictureServer


@dataclass
class DemoProgress:
    """The progress of a demo.

    Args:
        stopwatch: times of its stages: `read` (`wait` for a live source), `boxes`, `crop`, `model`,
            `decode`, `smooth`, `draw`, `write`.
        count: total number of frames, if known.
        frames: number of finished frames.
        without: number of frames without a keypoint that reaches `min_score`.
        dropped: number of frames that a live source lost.
        started: when the first frame was finished, by `time.perf_counter`.
        latest: when the last frame was finished.
        poses: poses of the last frame.
        stopped: whether the user stopped the demo.
        min_score: keypoints with a lower score count as not found.
    """

    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    count: int | None = None
    frames: int = 0
    without: int = 0
    dropped: int = 0
    started: float = 0.0
    latest: float = 0.0
    poses: list[Pose] = field(default_factory=list)
    stopped: bool = False
    min_score: float = MIN_SCORE

    @property
    def fps(self) -> float | None:
        """Frames per second so far; None before the second frame."""
        taken = self.latest - self.started
        return (self.frames - 1) / taken if self.frames > 1 and taken > 0 else None

    def add(self, found: FramePoses, dropped: int) -> None:
        """Adds a finished frame."""
        self.latest = time.perf_counter()
        self.started = self.started or self.latest
        self.frames += 1
        self.without += not any(
            (pose.keypoints[:, 2] >= self.min_score).any() for pose in found.poses
        )
        self.dropped = dropped
        self.poses = found.poses


def run_demo(
    model: str | os.PathLike[str],
    source: str | os.PathLike[str] | Source,
    outputs: Sequence[str | os.PathLike[str]] = (),
    *,
    settings: DemoSettings | None = None,
    skeleton: Skeleton | None = None,
    formats: Sequence[OutputFormat | None] = (),
    show: bool = False,
    serve: int | None = None,
    overwrite: bool = False,
    observe: Callable[[DemoProgress], None] | None = None,
    announce: Callable[[str], None] | None = None,
    prepare: Callable[[str | os.PathLike[str]], None] | None = None,
) -> DemoProgress:
    """Estimates the poses in all frames of a source, and writes or shows them.

    Reading, estimating, drawing and writing overlap in threads, with at most a few frames waiting
    between them. Ctrl-C ends the run, and all outputs up to then are complete.

    Args:
        model: a model of any format that `load_runtime` opens.
        source: an argument of `open_source`, or a source.
        outputs: files and folders to write.
        settings: how objects are found and drawn.
        skeleton: names, links and colours instead of the model's.
        formats: formats of the outputs. Missing formats follow from the name, see `output_format`.
        show: open a window.
        serve: port of 127.0.0.1 at which a browser can show the pictures.
        overwrite: replace outputs that exist.
        observe: is called after each frame.
        announce: is called with the address of `serve`.
        prepare: is called with `model` when the arguments have been checked, before it is loaded.

    If one of several images cannot be read, it is left out. If a box lies outside an image, the
    image gets no poses. A warning names the image in both cases.

    Raises:
        ArgumentError: the options cannot be combined, there is no display, or a box lies outside a
            frame.
        MissingFileError, DataError: an input is missing or invalid.
        OutputExistsError: an output exists and may not be replaced.
    """
    settings = settings or DemoSettings()
    opened = source if not isinstance(source, str | os.PathLike) else open_source(source)
    progress = DemoProgress(count=opened.count)
    try:
        kinds = _checked_outputs(outputs, formats, opened, overwrite)
        if show:
            require_display(opened.is_live)
        with ExitStack() as stack:
            # Before the model is loaded, which takes seconds, to report a port in use at once.
            server = _server(stack, serve, announce)
            find = settings.finder()
            if prepare is not None:
                prepare(model)
            runtime = with_skeleton(load_runtime(model), skeleton)
            settings = settings.for_model(runtime.metadata)
            progress.min_score = settings.least_score
            if isinstance(opened, ImageFiles):
                opened.depth_range = settings.depth_range or runtime.metadata.depth_range
            info = _source_info(opened, Path(model).name, runtime, settings)
            writers = [
                stack.enter_context(open_sink(path, kind, info, overwrite=overwrite))
                for path, kind in zip(outputs, kinds, strict=True)
            ]
            if server is not None:
                from simplebase.demo.serve import serving

                writers.append(stack.enter_context(serving(server)))
            if show:
                writers.append(stack.enter_context(window(not opened.is_sequence, opened.is_live)))
            watch = progress.stopwatch
            estimate = settings.estimator(
                runtime, find, is_sequence=opened.is_sequence, stopwatch=watch
            )
            seen = show or serve is not None
            drawing = seen or any(kind in PICTURES for kind in kinds)
            results = results_of(
                opened, estimate, settings.painter(watch) if drawing else None, watch
            )
            stack.callback(results.close)
            if opened.is_live:
                # Closed first, because a thread may be waiting for its next frame.
                stack.callback(opened.close)
            paced = seen and opened.is_sequence and not opened.is_live
            _write_all(results, writers, opened, progress, observe, paced)
            _require_frames(progress, opened, outputs)
            if isinstance(find, BoxesByFrame) and not progress.stopped:
                find.warn_of_unused()
    finally:
        opened.close()
    return progress


def _server(
    stack: ExitStack, port: int | None, announce: Callable[[str], None] | None
) -> "PictureServer | None":
    """Returns the server at `port`; the stack closes it even before it serves."""
    if port is None:
        return None
    # Imported here, because importing an HTTP server takes as long as one photograph.
    from simplebase.demo.serve import PictureServer

    server = PictureServer(port)
    stack.callback(server.server_close)
    if announce:
        announce(server.url)
    return server


def _source_info(
    source: Source, model: str, runtime: Runtime, settings: DemoSettings
) -> SourceInfo:
    return SourceInfo(
        source=source.name,
        model=model,
        skeleton=runtime.metadata.skeleton,
        fps=source.fps or DEFAULT_FPS,
        is_sequence=source.is_sequence,
        min_score=settings.least_score,
        is_live=source.is_live,
    )


def _checked_outputs(
    outputs: Sequence[str | os.PathLike[str]],
    formats: Sequence[OutputFormat | None],
    source: Source,
    overwrite: bool,
) -> list[OutputFormat]:
    chosen = [*formats, *[None] * (len(outputs) - len(formats))]
    kinds = [kind or output_format(path) for path, kind in zip(outputs, chosen, strict=True)]
    require_distinct(outputs, source)
    for path, kind in zip(outputs, kinds, strict=True):
        check_output(path, kind, source, overwrite=overwrite)
    return kinds


def _require_frames(
    progress: DemoProgress, source: Source, outputs: Sequence[str | os.PathLike[str]]
) -> None:
    if progress.frames > 0:
        return
    if not progress.stopped:
        raise DataError(f"{source.name} returned no frame.")
    if outputs:
        raise DataError(f"{source.name}: stopped before the first frame, so nothing is written.")


def with_skeleton(runtime: Runtime, skeleton: Skeleton | None) -> Runtime:
    """Returns the runtime with the names and links of `skeleton`.

    Raises:
        DataError: the model has another number of keypoints.
    """
    metadata: ModelMetadata = runtime.metadata
    if skeleton is None:
        return runtime
    if skeleton.num_keypoints != metadata.skeleton.num_keypoints:
        raise DataError(
            f"the model has {metadata.skeleton.num_keypoints} keypoints "
            f"({metadata.skeleton.name}), but the skeleton {skeleton.name} has "
            f"{skeleton.num_keypoints}."
        )
    runtime.metadata = replace(metadata, skeleton=skeleton)
    return runtime


def _write_all(
    results: Iterator[FramePoses],
    writers: Sequence[Write],
    source: Source,
    progress: DemoProgress,
    observe: Callable[[DemoProgress], None] | None,
    paced: bool,
) -> None:
    """Writes the results one by one; with `paced`, no faster than the video plays."""
    began = None
    try:
        for found in results:
            if paced:
                began = began or time.monotonic() - found.frame.time
                time.sleep(max(0.0, began + found.frame.time - time.monotonic()))
            with progress.stopwatch("write"):
                for write in writers:
                    write(found)
            progress.add(found, source.dropped)
            if observe:
                observe(progress)
    except (KeyboardInterrupt, WindowClosed):
        progress.stopped = True
