"""Finds the images of a foreign dataset and copies or links them."""

import base64
import errno
import os
import posixpath
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from simplebase.data.fields import stays_inside
from simplebase.errors import ArgumentError
from simplebase.files import read_json
from simplebase.progress import Progress

ImageMode = Literal["copy", "link", "none"]


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside a labelme file, which is read only when needed."""

    label_file: Path

    def content(self) -> bytes:
        """Returns the image file's bytes; empty if the label file contains no valid base64."""
        data = read_json(self.label_file).get("imageData")
        try:
            return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
        except ValueError:
            return b""


ImageSource = Path | EmbeddedImage

_NO_LINKS_ON_WINDOWS = {1, 1314}
"""Windows' error numbers: the file system has no links, the account lacks the privilege."""


def inside(folder: str, path: str) -> str | None:
    r"""Resolves `path` in `folder` relative to the root; `None` if it leads out of the root.

    Args:
        folder: folder of a label file, relative to the root; empty for the root.
        path: the path in the file, relative to the file, with `/` or Windows' `\`.
    """
    joined = posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
    return joined if stays_inside(joined) else None


def find_image(folder: Path, name: str) -> Path | None:
    """Returns the file `name` in `folder`, if it exists."""
    path = folder / name
    # os.path returns False for names that no file system accepts; Path raises an error.
    return path if os.path.isfile(path) else None


def require_apart(output: str | os.PathLike[str], sources: Iterable[Path]) -> None:
    """Checks that the output does not contain its own source, which replacing it would delete.

    Args:
        output: a folder to write.
        sources: files and folders that are read. Links are resolved.

    Raises:
        ArgumentError: a source lies in `output`.
    """
    target = Path(output).resolve()
    for source in sources:
        if source.resolve().is_relative_to(target):
            raise ArgumentError(f"{output} contains the source {source}. Choose another output.")


def place_images(
    images: Mapping[str, ImageSource],
    folder: Path,
    mode: ImageMode,
    root: Path,
    *,
    progress: Progress | None = None,
) -> None:
    """Fills `folder` with the images, each under its name.

    Args:
        images: source by name, a relative path with `/`.
        folder: the folder, which must not exist yet.
        mode: `copy`, `link`, or `none`, which makes `folder` itself a link to `root`.
        root: the source's image folder.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `mode` is unknown; or it is `none` and the images are not those of `root`; or
            links are not possible.
    """
    if mode not in get_args(ImageMode):
        raise ArgumentError(
            f"images must be one of {', '.join(get_args(ImageMode))}. Received: {mode}."
        )
    if mode == "none":
        if any(image != root / name for name, image in images.items()):
            raise ArgumentError(
                f"--images none needs all images to be files of {root} with unchanged names. Some "
                "are renamed, in other folders or inside label files. Use --images link or copy."
            )
        _link(folder, root, is_folder=True)
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
            _link(target, image)
        if progress:
            progress(done, len(images))


def _link(path: Path, source: Path, *, is_folder: bool = False) -> None:
    """Makes `path` a link to `source`; ArgumentError if links are not possible."""
    try:
        path.symlink_to(source.resolve(), target_is_directory=is_folder)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and not _forbids_links(error):
            raise
        raise ArgumentError(
            f"{path.parent} cannot hold links: the file system has none, or Windows allows them "
            "only to administrators and in developer mode. Use --images copy."
        ) from error


def _forbids_links(error: OSError) -> bool:
    """Returns whether the system refuses links, as opposed to a failure of the disk."""
    if getattr(error, "winerror", None) in _NO_LINKS_ON_WINDOWS:
        return True
    return error.errno in (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
