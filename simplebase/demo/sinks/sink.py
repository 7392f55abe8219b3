"""What a sink is: a context manager whose function writes one frame after the other.

Sinks that write a folder do so through `demo_folder`.
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


@contextmanager
def demo_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Yields a temporary folder that becomes `path` when the block succeeds.

    Raises:
        OutputExistsError: `path` exists, and `overwrite` is off or somebody else wrote it.
    """
    with replacing(path, overwrite=overwrite, folder_markers=(MARKER,)) as partial:
        partial.mkdir()
        write_text(partial / MARKER, _TEXT)
        yield partial
