"""Extracts frames of a video as images of a dataset."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from simplebase.converters.image_files import EmbeddedImage
from simplebase.images import encode_image
from simplebase.progress import Progress
from simplebase.videos.video_file import VideoFile


class _Folder:
    """A temporary folder that is removed with its last frame."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="simplebase-frames-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class VideoFrame(EmbeddedImage):
    """A frame of a video, stored as a PNG file until the dataset is written."""

    folder: _Folder = field(compare=False, repr=False)

    def content(self) -> bytes:
        """Returns the PNG file's bytes."""
        return self.label_file.read_bytes()


def read_frames(
    path: Path, wanted: Iterable[int], progress: Progress | None = None
) -> dict[int, VideoFrame]:
    """Decodes frames of a video from its beginning, because seeking is not exact in all formats.

    Args:
        path: the video.
        wanted: indices of frames, from 0.
        progress: is called with the number of found frames and the total.

    Returns:
        The frames by index, without those after the end of the video.

    Raises:
        DataError: the video cannot be opened.
    """
    left = set(wanted)
    count = len(left)
    folder = _Folder()
    frames: dict[int, VideoFrame] = {}
    video = VideoFile.open(path)
    try:
        while left and (frame := video.read()) is not None:
            if frame.index in left:
                left.remove(frame.index)
                file = folder.path / f"{frame.index}.png"
                file.write_bytes(encode_image(frame.image, ".png"))
                frames[frame.index] = VideoFrame(file, folder)
                if progress:
                    progress(len(frames), count)
    finally:
        video.close()
    return frames
