"""TIFF files that OpenCV alone would read wrongly."""

import struct

import numpy as np
import pytest
from pipeline_datasets import texture

from simplebase.errors import DataError
from simplebase.images import decode_image

IMAGE = texture(40, 56)
TILE = 32
SHORT, LONG = 3, 4
SEPARATE = 2
UPRIGHT = {  # what a viewer does for each orientation of the Exif standard
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image.transpose(1, 0, 2), 2),
    8: lambda image: np.rot90(image, 1),
}


def tiff(
    values: np.ndarray,
    *,
    tiled: bool = False,
    orientation: int = 1,
    white_is_zero: bool = False,
    separate: bool = False,
    order: str = "<",
) -> bytes:
    """An uncompressed TIFF of `(H, W, C)` uint8 or uint16 values, see the TIFF 6.0 standard."""
    height, width, channels = values.shape
    stored = values.astype(values.dtype.newbyteorder(order))
    if tiled:
        padded = np.zeros(
            (-(-height // TILE) * TILE, -(-width // TILE) * TILE, channels), stored.dtype
        )
        padded[:height, :width] = stored
        blocks = [
            padded[y : y + TILE, x : x + TILE].tobytes()
            for y in range(0, height, TILE)
            for x in range(0, width, TILE)
        ]
    elif separate:
        blocks = [stored[..., channel].tobytes() for channel in range(channels)]
    else:
        blocks = [stored.tobytes()]
    body = b"".join(blocks)
    sizes = [len(block) for block in blocks]
    places = [8 + sum(sizes[:index]) for index in range(len(sizes))]
    tags: dict[int, tuple[int, list[int]]] = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * values.itemsize] * channels),
        259: (SHORT, [1]),
        262: (SHORT, [2 if channels == 3 else 0 if white_is_zero else 1]),
        274: (SHORT, [orientation]),
        277: (SHORT, [channels]),
        284: (SHORT, [SEPARATE if separate else 1]),
    }
    if tiled:
        tags |= {322: (LONG, [TILE]), 323: (LONG, [TILE]), 324: (LONG, places), 325: (LONG, sizes)}
    else:
        tags |= {273: (LONG, places), 278: (LONG, [height]), 279: (LONG, sizes)}
    directory, elsewhere = struct.pack(f"{order}H", len(tags)), b""
    start = 8 + len(body) + 2 + 12 * len(tags) + 4
    for tag, (kind, numbers) in sorted(tags.items()):
        content = struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)
        directory += struct.pack(f"{order}HHI", tag, kind, len(numbers))
        if len(content) > 4:
            directory += struct.pack(f"{order}I", start + len(elsewhere))
            elsewhere += content
        else:
            directory += content.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(f"{order}I", 8 + len(body))
    return magic + first + body + directory + bytes(4) + elsewhere


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tiled", [False, True], ids=["strips", "tiles"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_is_read_upright(orientation: int, tiled: bool, dtype: type) -> None:
    values = IMAGE.astype(dtype) * (257 if dtype is np.uint16 else 1)
    data = tiff(values, tiled=tiled, orientation=orientation, order="<>"[orientation % 2])
    np.testing.assert_array_equal(decode_image(data, "a.tif"), UPRIGHT[orientation](IMAGE))


@pytest.mark.parametrize("scale", [1, 257])
def test_a_tiff_that_stores_white_as_zero_is_no_negative(scale: int) -> None:
    grey = IMAGE[..., :1]
    stored = (255 - grey) if scale == 1 else 65535 - grey.astype(np.uint16) * scale
    read = decode_image(tiff(stored, white_is_zero=True), "a.tif")
    np.testing.assert_array_equal(read, np.repeat(grey, 3, axis=2))


def test_deep_colours_one_after_the_other_are_refused() -> None:
    """OpenCV takes the red plane's pixels for red, green and blue."""
    np.testing.assert_array_equal(decode_image(tiff(IMAGE, separate=True), "a.tif"), IMAGE)
    deep = IMAGE.astype(np.uint16) * 257
    with pytest.raises(DataError, match=r"a\.tif is a TIFF of 16 bits.*Save it with"):
        decode_image(tiff(deep, separate=True), "a.tif")
