"""The interface of sinks: a context manager whose function writes one frame after another.

Sinks that write a folder use `demo_folder`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from simplebase.demo.frames import FramePoses
from simplebase.files import replacing, write_text
from simplebase.skeletons import Skeleton

Write = Callable[[FramePoses], None]
Sink = AbstractContextManager[Write]

MARKER = "simplebase.txt"
_TEXT = "Written by `simplebase demo`, which replaces this folder if --overwrite is given.\n"


@dataclass(frozen=True)
class SourceInfo:
    """Information about the source that is written with the poses.

    Args:
        source: name of the source.
        model: name of the model file.
        skeleton: skeleton of the poses.
        fps: frames per second of a written video. The time of a frame is stored in the frame.
        is_sequence: whether the frames belong to a video and have times.
        min_score: keypoints with a lower score are not labels.
        is_live: whether the frames come from a camera or stream, which may pause.
    """

    source: str
    model: str
    skeleton: Skeleton
    fps: float
    is_sequence: bool
    min_score: float
    is_live: bool = False


@contextmanager
def demo_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Yields a temporary folder that becomes `path` when the block succeeds.

    Raises:
        OutputExistsError: `path` exists, and `overwrite` is off or the demo did not write it.
    """
    with replacing(path, overwrite=overwrite, folder_markers=(MARKER,)) as partial:
        partial.mkdir()
        write_text(partial / MARKER, _TEXT)
        yield partial
