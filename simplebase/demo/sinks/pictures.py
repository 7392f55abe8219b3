"""Pictures as files: one, or a folder of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.facts import Write
from simplebase.demo.sinks.folder import demo_folder
from simplebase.images import write_image


@contextmanager
def picture_file(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Write]:
    """The one picture of a source of one image."""
    yield lambda found: write_image(path, drawn(found), overwrite=overwrite)


@contextmanager
def picture_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Write]:
    """Each picture under the name of its frame; appears when all are written."""
    with demo_folder(path, overwrite=overwrite) as folder:
        yield lambda found: write_image(folder / found.frame.name, drawn(found))


def drawn(found: FramePoses) -> np.ndarray:
    """The picture, which is there where a sink asked for it."""
    if found.picture is None:
        raise RuntimeError("the frame was not drawn on, but a sink wants its picture")
    return found.picture
