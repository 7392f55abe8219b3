"""Kinds of image files: which can be read and written, their largest size, and known others.

The kind of a file follows from its content instead of its suffix, because many `.jpg` files from
the web are PNG or WebP. Suffixes only select the files of a folder and the format to write.
"""

from pathlib import Path
from typing import NamedTuple

from simplebase.errors import DataError
from simplebase.geometry import Size

MOST_PIXELS = 2**28
"""Width times height of the largest image that is read: 16384 x 16384, 768 MiB of RGB.

The largest sensors of phones have 200 million pixels. C++ has the same limit (`kMostPixels`).
"""
_LONGEST_SIDE = 10**6  # of libpng; OpenCV reads hardly more

_READ: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WebP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
}
# Some OpenCV builds decode some of these. All refuse them, so that files work the same everywhere.
_NOT_READ: dict[str, tuple[str, ...]] = {
    "HEIC": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG 2000": (".jp2", ".j2k", ".jpx", ".jpf"),
    "JPEG XL": (".jxl",),
    "Photoshop": (".psd",),
    "SVG": (".svg",),
    "PNM": (".pbm", ".pgm", ".ppm", ".pnm"),
    "OpenEXR": (".exr",),
    "Radiance HDR": (".hdr",),
    "raw camera": (".dng", ".cr2", ".cr3", ".nef", ".arw"),
}


class Header(NamedTuple):
    """The header of an image file.

    Args:
        size: `(height, width)` as stored; None if it is missing.
        orientation: 1 to 8, see the Exif standard.
        bits: bits per sample.
    """

    size: Size | None
    orientation: int
    bits: int = 8


KINDS_READ = tuple(_READ)
IMAGE_SUFFIXES = tuple(suffix for suffixes in _READ.values() for suffix in suffixes)
"""Suffixes by which a folder's images are recognised."""
UNREAD_SUFFIXES = tuple(suffix for suffixes in _NOT_READ.values() for suffix in suffixes)
"""Suffixes of images that cannot be read."""
WRITTEN_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of images that can be written."""
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\x00\x00\x00\x0cjP  \r\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
)
# Brands of the ISO base media format (ISO/IEC 14496-12), which is also used for videos.
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
)


def kind_of(data: bytes) -> str | None:
    """Returns the kind of an image by its first bytes; None if it is unknown."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        # HEIF's own brands do not show the coding: AVIF files may also start with them.
        return "AVIF" if b"avif" in data[8:64] else _BRANDS.get(data[8:12])
    if (
        data[:1] == b"P"
        and data[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6")
        and data[2:3].isspace()
    ):
        return "PNM"
    return None


def require_read(data: bytes, name: str) -> str:
    """Returns the kind of an image that can be read.

    Args:
        data: content of the file, or its first bytes.
        name: its path, for messages.

    Raises:
        DataError: it is of another kind, a video, or not an image.
    """
    kind = kind_of(data)
    if kind in _READ:
        return kind
    read = f"{', '.join(KINDS_READ[:-1])} and {KINDS_READ[-1]}"
    suffix = Path(name).suffix.lower()
    if kind is not None:
        raise DataError(f"{name} is a {kind} image, but only {read} are read. Convert it first.")
    if suffix in VIDEO_SUFFIXES:
        raise DataError(f"{name} is a video, but an image is expected here.")
    for unread, suffixes in _NOT_READ.items():
        if suffix in suffixes:
            raise DataError(
                f"{name} is a {unread} image by its name, but only {read} are read. Convert it "
                "first."
            )
    if not data:
        raise DataError(f"{name} cannot be read as an image: the file is empty.")
    raise DataError(
        f"{name} cannot be read as an image: it begins with {data[:16]!r}. Only {read} are read."
    )


def require_reasonable_size(size: Size, name: str) -> None:
    """Raises DataError, before decoding, if an image has more than `MOST_PIXELS`."""
    height, width = size
    if height < 1 or width < 1:
        raise DataError(f"{name} has {width}x{height} pixels by its header. Is it damaged?")
    if max(height, width) > _LONGEST_SIDE:
        raise DataError(
            f"{name} has {width}x{height} pixels, but at most {_LONGEST_SIDE} in a row or column "
            "are read. Cut it into parts."
        )
    if height * width > MOST_PIXELS:
        raise DataError(
            f"{name} has {width}x{height} pixels, which is more than the {MOST_PIXELS // 10**6} "
            "million that are read. Shrink it or cut it into parts."
        )
