"""Finding the images of a foreign dataset, and bringing them into ours."""

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

_NO_LINKS_ON_WINDOWS = {1, 1314}
"""Windows' error numbers: the file system has no links, the account lacks the privilege."""


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


def require_apart(output: str | os.PathLike[str], sources: Iterable[Path]) -> None:
    """Refuses an output that holds its own source: replacing it would delete that.

    Args:
        output: a folder to write.
        sources: files and folders that are read; one that is a link stands for what it leads to.

    Raises:
        ArgumentError: a source lies in `output`.
    """
    target = Path(output).resolve()
    for source in sources:
        if source.resolve().is_relative_to(target):
            raise ArgumentError(f"{output} holds the source {source}. Choose another output.")


def place_images(
    images: Mapping[str, ImageSource],
    folder: Path,
    mode: ImageMode,
    root: Path,
    *,
    progress: Progress | None = None,
) -> None:
    """Makes `folder` hold each image under its name.

    Args:
        images: source by name, a relative path with `/`.
        folder: does not exist yet.
        mode: `copy`, `link`, or `none`, which makes `folder` itself a link to `root`.
        root: the source's image folder.
        progress: called with images done and in all.

    Raises:
        ArgumentError: `mode` is another one, or `none` where the images are not `root`'s own; or
            links are wanted where none can be made.
    """
    if mode not in get_args(ImageMode):
        raise ArgumentError(f"images is one of {', '.join(get_args(ImageMode))}. Received: {mode}.")
    if mode == "none":
        if any(image != root / name for name, image in images.items()):
            raise ArgumentError(
                f"the images of {root} are renamed, from several folders or stood inside label "
                "files, so one link to the folder cannot replace them. Use --images link or copy."
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
    """Makes `path` a link to `source`, where the system, the account and the disk allow links."""
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
    """Whether the system, rather than the disk's state, refuses a link."""
    if getattr(error, "winerror", None) in _NO_LINKS_ON_WINDOWS:
        return True
    return error.errno in (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
