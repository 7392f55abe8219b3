"""Pictures as files: one, or a folder of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.sink import Write, demo_folder
from simplebase.images import WRITTEN_SUFFIXES, write_image


@contextmanager
def picture_file(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Write]:
    """The one picture of a source of one image."""
    yield lambda found: write_image(path, drawn(found), overwrite=overwrite)


@contextmanager
def picture_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Write]:
    """Each picture under the name of its frame; appears when all are written.

    Of a kind that is read and not written, such as GIF, a PNG is written: `a.gif.png`.
    """
    with demo_folder(path, overwrite=overwrite) as folder:

        def write(found: FramePoses) -> None:
            name = found.frame.name
            if Path(name).suffix.lower() not in WRITTEN_SUFFIXES:
                name += ".png"
            write_image(folder / name, drawn(found))

        yield write


def drawn(found: FramePoses) -> np.ndarray:
    """The picture, which is there where a sink asked for it."""
    if found.picture is None:
        raise RuntimeError("the frame was not drawn on, but a sink wants its picture")
    return found.picture
