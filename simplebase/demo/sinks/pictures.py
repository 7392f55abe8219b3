"""Writes pictures as one file, or as a folder."""

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
    """Writes the picture of a source with one image."""
    yield lambda found: write_image(path, drawn(found), overwrite=overwrite)


@contextmanager
def picture_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Write]:
    """Writes each picture under the name of its frame; the folder appears when it is complete.

    For formats that can only be read, such as GIF, it writes PNG: `a.gif.png`.
    """
    with demo_folder(path, overwrite=overwrite) as folder:

        def write(found: FramePoses) -> None:
            name = found.frame.name
            if Path(name).suffix.lower() not in WRITTEN_SUFFIXES:
                name += ".png"
            write_image(folder / name, drawn(found))

        yield write


def drawn(found: FramePoses) -> np.ndarray:
    """Returns the picture of a result."""
    if found.picture is None:
        raise RuntimeError("the frame was not drawn, but a sink needs its picture")
    return found.picture
