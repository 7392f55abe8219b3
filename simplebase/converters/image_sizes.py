"""Whether images have the size that their label file states.

They do not where a tool passed over the Exif orientation that another one applied, which swaps
width and height, or where images were scaled after they were labelled. Labels are then in pixels
that the images do not have.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from simplebase.converters.image_files import EmbeddedImage, ImageSource
from simplebase.errors import DataError
from simplebase.geometry import Size
from simplebase.images import decode_image, image_size
from simplebase.progress import Progress

_SWAPPED = (
    "{count} images have width and height swapped in the label file, such as {example}. One tool "
    "applied the Exif orientation and another did not, so labels may be rotated against their "
    "images. Check with `simplebase data view`. If they are, remove the Exif orientation from the "
    "images, or rotate the pixels to match the labels, and convert again."
)
_SCALED = (
    "{count} images have another size than the label file states, such as {example}. The images "
    "were scaled, cropped or replaced after labelling and the labels were not, so keypoints are "
    "probably in the wrong place. Convert with the images that were labelled, or scale the labels."
)
_SWAPPED_AND_SCALED = (
    "{count} images have another size than the label file states, and width and height swapped, "
    "such as {example}. The images were scaled after labelling, and one tool applied the Exif "
    "orientation and another did not, so keypoints are probably in the wrong place. Convert with "
    "the images that were labelled."
)
_SAME_ASPECT = 0.02
"""Aspect ratios that differ by less are the same: a scaled side is rounded to whole pixels."""


def source_size(image: ImageSource) -> Size:
    """`(height, width)` of an image as it is read, upright.

    Raises:
        DataError: it is not an image.
    """
    if isinstance(image, EmbeddedImage):
        height, width, _ = decode_image(image.content(), str(image.label_file)).shape
        return height, width
    return image_size(image)


def size_warnings(
    stated: Mapping[str, Size],
    images: Mapping[str, ImageSource],
    progress: Progress | None = None,
) -> list[str]:
    """What to tell of images that have another size than stated; opens their headers only.

    An image inside a label file is the one that was labelled, and is passed over.

    Args:
        stated: `(height, width)` by path.
        images: their sources by path.
        progress: called with images done and in all.

    Returns:
        At most three texts: on swapped sides, on other sizes, and on both at once.
    """
    examples: dict[str, list[str]] = defaultdict(list)
    compared = {path: images[path] for path in stated if isinstance(images.get(path), Path)}
    for done, (path, image) in enumerate(compared.items(), start=1):
        try:
            found = source_size(image)
        except DataError:  # `data check` tells of it
            found = stated[path]
        if kind := _difference(stated[path], found):
            sizes = f"{_text(stated[path])} in the label file, {_text(found)} in the image"
            examples[kind].append(f"{path} ({sizes})")
        if progress:
            progress(done, len(compared))
    return [
        kind.format(count=f"{len(found)} of {len(compared)}", example=found[0])
        for kind, found in sorted(examples.items())
    ]


def _difference(stated: Size, found: Size) -> str | None:
    """Which of the warnings above applies; `None` if the sizes are the same."""
    if found == stated:
        return None
    swapped = found[::-1]
    if swapped == stated:
        return _SWAPPED
    is_swapped = _have_same_aspect(stated, swapped) and not _have_same_aspect(stated, found)
    return _SWAPPED_AND_SCALED if is_swapped else _SCALED


def _have_same_aspect(one: Size, other: Size) -> bool:
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) < _SAME_ASPECT


def _text(size: Size) -> str:
    """Width x height, the order in which label files and viewers give them."""
    return f"{size[1]}x{size[0]}"
