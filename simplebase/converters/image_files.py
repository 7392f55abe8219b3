"""Finding the images of a foreign dataset, and bringing them into ours."""

import base64
import os
import posixpath
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from PIL import Image, UnidentifiedImageError

from simplebase.data.fields import stays_inside
from simplebase.data.records import read_json
from simplebase.errors import ArgumentError, DataError

ImageMode = Literal["copy", "link", "none"]


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside a labelme file, which is read when the image is needed."""

    label_file: Path

    def content(self) -> bytes:
        """The image file's bytes; none where the label file holds no base64."""
        data = read_json(self.label_file).get("imageData")
        try:
            return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
        except ValueError:
            return b""


ImageSource = Path | EmbeddedImage

_EXIF_ORIENTATION = 0x0112
_FIRST_SIDEWAYS = 5
"""EXIF orientations 5 to 8 swap width and height."""


def inside(folder: str, path: str) -> str | None:
    r"""`path` as seen from the root that the relative `folder` is in; `None` if it leads out of it.

    Args:
        folder: where a label file is, relative to the root; empty for the root.
        path: what it says, relative to itself, with `/` or Windows' `\`.
    """
    joined = posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
    return joined if stays_inside(joined) else None


def find_image(folder: Path, name: str) -> Path | None:
    """The file `name` in `folder`, if it is there."""
    path = folder / name
    # os.path answers no to names that no file system takes; Path raises.
    return path if os.path.isfile(path) else None


def image_size(path: Path) -> tuple[int, int]:
    """`(height, width)` of an image as it is read, upright, from its header alone.

    Raises:
        DataError: it does not hold an image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            sideways = image.getexif().get(_EXIF_ORIENTATION, 1) >= _FIRST_SIDEWAYS
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as an image. Is it damaged?") from error
    return (width, height) if sideways else (height, width)


def require_apart(
    output: str | os.PathLike[str], source: Path, images: Iterable[ImageSource]
) -> None:
    """Refuses an output that holds its own source: replacing it would delete that.

    Raises:
        ArgumentError: `source` or an image lies in `output`.
    """
    target = Path(output).resolve()
    folders = {source} | {image.parent for image in images if isinstance(image, Path)}
    for folder in folders:
        if folder.resolve().is_relative_to(target):
            raise ArgumentError(f"{output} holds the source {folder}. Choose another output.")


def place_images(
    images: Mapping[str, ImageSource],
    folder: Path,
    mode: ImageMode,
    root: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Makes `folder` hold each image under its name.

    Args:
        images: source by name, a relative path with `/`.
        folder: does not exist yet.
        mode: `copy`, `link`, or `none`, which makes `folder` itself a link to `root`.
        root: the source's image folder.
        progress: called with images done and in all.

    Raises:
        ArgumentError: `mode` is another one, or `none` where the images are not `root`'s own.
    """
    if mode not in get_args(ImageMode):
        raise ArgumentError(f"images is one of {', '.join(get_args(ImageMode))}. Received: {mode}.")
    if mode == "none":
        if any(image != root / name for name, image in images.items()):
            raise ArgumentError(
                f"the images of {root} are renamed, from several folders or stood inside label "
                "files, so one link to the folder cannot replace them. Use --images link or copy."
            )
        folder.symlink_to(root.resolve(), target_is_directory=True)
        return
    folder.mkdir()
    for done, (name, image) in enumerate(images.items(), start=1):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(image, EmbeddedImage):
            target.write_bytes(image.content())
        elif mode == "copy":
            shutil.copyfile(image, target)
        else:
            target.symlink_to(image.resolve())
        if progress:
            progress(done, len(images))
