"""Checks whether images have the size that their label file states.

They differ if one tool ignored the Exif orientation that another applied, which swaps width and
height, or if images were scaled after labelling. The labels' pixels are then not those of the
images.
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
"""Tolerance of aspect ratios, because scaled sides are rounded to whole pixels."""


def source_size(image: ImageSource) -> Size:
    """Returns the upright `(height, width)` of an image.

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
    """Returns warnings about images whose size differs from the stated one; reads only headers.

    An image inside a label file is the one that was labelled, and is not checked.

    Args:
        stated: `(height, width)` by path.
        images: their sources by path.
        progress: is called with the number of finished images and the total.

    Returns:
        At most three texts: on swapped sides, on other sizes, and on both at once.
    """
    examples: dict[str, list[str]] = defaultdict(list)
    compared = {path: images[path] for path in stated if isinstance(images.get(path), Path)}
    for done, (path, image) in enumerate(compared.items(), start=1):
        try:
            found = source_size(image)
        except DataError:  # `data check` reports it
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
    """Returns which of the warnings above applies; `None` if the sizes are equal."""
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
    """Formats width x height, in the order of label files and viewers."""
    return f"{size[1]}x{size[0]}"
