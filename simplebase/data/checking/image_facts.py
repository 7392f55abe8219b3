"""Each image decoded once, to its end, and what is kept of it: some 300 bytes."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from simplebase.data.checking.duplicates import FINGERPRINT_SIDE, Fingerprint, fingerprint
from simplebase.errors import DataError
from simplebase.geometry import Size
from simplebase.images import decode_image, image_size
from simplebase.progress import Progress
from simplebase.threads import thread_pool

# What Pillow decodes as OpenCV does; all else is left to OpenCV, which reads for the training.
_FORMATS = ("JPEG", "MPO", "PNG", "BMP", "WEBP")
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
# A JPEG is decoded at the smallest of its scales above such sides; that reads it to the end too.
_DRAFT_SIDE = 4 * FINGERPRINT_SIDE


@dataclass(frozen=True)
class ImageFacts:
    """What there is to know of an image file.

    Args:
        size: `(height, width)` upright; `None` if it cannot be decoded.
        fingerprint: for finding its copies; `None` likewise.
        kind: of the finding, if something is wrong.
        problem: what that is.
    """

    size: Size | None = None
    fingerprint: Fingerprint | None = None
    kind: str | None = None
    problem: str | None = None


def inspect_images(paths: Sequence[Path], progress: Progress | None = None) -> list[ImageFacts]:
    """Decodes every file of `paths`; `progress` is told files done and in all."""
    facts = []
    with warnings.catch_warnings(), thread_pool() as pool:
        # Pillow's remarks on odd metadata; set out here because threads share the filters.
        warnings.simplefilter("ignore")
        jobs = [pool.submit(inspect_image, path) for path in paths]
        for done, job in enumerate(jobs, start=1):
            facts.append(job.result())
            if progress:
                progress(done, len(paths))
    return facts


def inspect_image(path: Path) -> ImageFacts:
    """Decodes one file to its end.

    OpenCV fills what is missing of a truncated file with grey and says nothing; Pillow says so.
    """
    try:
        if not path.is_file():
            return ImageFacts(kind="missing-image", problem=f"{path} does not exist")
        data = path.read_bytes()
    except OSError as error:
        return ImageFacts(kind="missing-image", problem=f"{path}: {error.strerror}")
    if not data:
        return ImageFacts(kind="unreadable-image", problem="the file is empty")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format in _FORMATS and image.mode in _MODES:
                return ImageFacts(image_size(path), _fingerprint(image))
    except UnidentifiedImageError:
        pass
    except Exception as error:  # the decoders raise whatever they trip over
        problem = f"the file is damaged or cut off: {error}"
        return ImageFacts(kind="damaged-image", problem=problem)
    try:
        pixels = decode_image(data, str(path))
    except DataError:
        problem = f"the file is not an image that can be read; it begins with {data[:16]!r}"
        return ImageFacts(kind="unreadable-image", problem=problem)
    height, width = pixels.shape[:2]
    return ImageFacts((height, width), fingerprint(Image.fromarray(pixels)))


def _fingerprint(image: Image.Image) -> Fingerprint:
    """Of the upright image, decoded to its end."""
    image.draft("L", (_DRAFT_SIDE, _DRAFT_SIDE))
    image.load()
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # broken metadata: OpenCV does not mind it either
        pass
    return fingerprint(image)
