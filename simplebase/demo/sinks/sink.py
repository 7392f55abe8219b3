"""What a sink is: a context manager whose function writes one frame after the other."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from simplebase.demo.frames import FramePoses
from simplebase.skeletons import Skeleton

Write = Callable[[FramePoses], None]
Sink = AbstractContextManager[Write]


@dataclass(frozen=True)
class SourceInfo:
    """What is written beside the poses: where they come from, and how.

    Args:
        source: name of the source.
        model: name of the model file.
        skeleton: of the poses.
        fps: frames per second of a video that is written; a frame's own time is in the frame.
        is_sequence: whether the frames are those of a video and have times.
        min_score: keypoints below it are not labels.
        is_live: whether they are those of a camera or stream, which may pause.
    """

    source: str
    model: str
    skeleton: Skeleton
    fps: float
    is_sequence: bool
    min_score: float
    is_live: bool = False
