"""Decodes each image completely, and keeps about 300 bytes about it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from simplebase.data.checking.duplicates import FINGERPRINT_SIDE, Fingerprint, fingerprint
from simplebase.errors import DataError
from simplebase.geometry import Size
from simplebase.images import (
    KINDS_READ,
    DepthRange,
    decode_image,
    deep_range,
    image_size,
    jpeg_size,
    kind_of,
)
from simplebase.progress import Progress
from simplebase.threads import thread_pool

# A JPEG is decoded at its smallest scale above this size, which still reads the whole file.
_DRAFT_SIDE = 4 * FINGERPRINT_SIDE
_LARGEST_REDUCTION = 8


@dataclass(frozen=True)
class ImageInspection:
    """The result of decoding an image file.

    Args:
        size: `(height, width)` upright; `None` if it cannot be decoded.
        fingerprint: its fingerprint, for finding copies; `None` likewise.
        deep_range: the range of its values, if it has more than 8 bits.
        kind: kind of the finding, if something is wrong.
        problem: description of the problem.
    """

    size: Size | None = None
    fingerprint: Fingerprint | None = None
    deep_range: tuple[float, float] | None = None
    kind: str | None = None
    problem: str | None = None


def inspect_images(
    paths: Sequence[Path],
    progress: Progress | None = None,
    depth_range: DepthRange | None = None,
) -> list[ImageInspection]:
    """Decodes all `paths`; `progress` is called with the number of finished files and the total."""
    inspections = []
    with thread_pool() as pool:
        inspect = partial(inspect_image, depth_range=depth_range)
        jobs = [pool.submit(inspect, path) for path in paths]
        for done, job in enumerate(jobs, start=1):
            inspections.append(job.result())
            if progress:
                progress(done, len(paths))
    return inspections


def inspect_image(path: Path, depth_range: DepthRange | None = None) -> ImageInspection:
    """Decodes one file completely, as training does."""
    try:
        if path.is_symlink() and not path.exists():
            problem = f"{path} is a link to {os.readlink(path)}, which does not exist"
            return ImageInspection(kind="missing-image", problem=problem)
        if not path.is_file():
            return ImageInspection(kind="missing-image", problem=f"{path} does not exist")
        data = path.read_bytes()
    except OSError as error:
        return ImageInspection(kind="missing-image", problem=f"{path}: {error.strerror}")
    if not data:
        return ImageInspection(kind="unreadable-image", problem="the file is empty")
    name = path.name
    try:
        deep = deep_range(data, name)
        pixels = decode_image(data, name, _reduction(data), depth_range)
        size = image_size(path)
    except DataError as error:
        known = kind_of(data) in KINDS_READ
        kind, problem = "damaged-image" if known else "unreadable-image", str(error)
        return ImageInspection(kind=kind, problem=problem.removeprefix(f"{name} "))
    return ImageInspection(size, fingerprint(Image.fromarray(pixels)), deep)


def _reduction(data: bytes) -> int:
    """Returns the largest reduction at which a JPEG still has all features of a fingerprint."""
    reduction = 1
    while (
        reduction < _LARGEST_REDUCTION
        and min(jpeg_size(data) or (0,)) >= 2 * reduction * _DRAFT_SIDE
    ):
        reduction *= 2
    return reduction
