"""For tests of the input pipeline: datasets in memory, and images that say where a pixel lies."""

import io
import struct
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from simplebase import KeypointDataset, Skeleton
from simplebase.data.records import Records
from simplebase.images import DepthRange

DOT = Skeleton("dot", ("dot",))


@dataclass(frozen=True)
class MemoryImages:
    """An image store of encoded images; `reads` collects the index of each that is read."""

    encoded: list[bytes]
    matrices: np.ndarray | None = None
    depth_range: DepthRange | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", [])

    def with_default_depth(self, depth_range: DepthRange | None) -> "MemoryImages":
        return MemoryImages(self.encoded, self.matrices, self.depth_range or depth_range)

    def name(self, index: int) -> str:
        return f"memory/{index}.jpg"

    def read(self, index: int) -> bytes:
        self.reads.append(int(index))  # type: ignore[attr-defined]
        return self.encoded[index]

    def require(self) -> None:
        pass

    def check_canvas(self, *sizes: object) -> None:
        pass

    def identity(self) -> bytes:
        return b"".join(self.encoded)

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(self.encoded))

    def select(self, index: np.ndarray) -> "MemoryImages":
        chosen = np.arange(len(self.encoded))[index]
        matrices = None if self.matrices is None else self.matrices[index]
        return MemoryImages([self.encoded[i] for i in chosen], matrices, self.depth_range)


def records_of(centers: np.ndarray, scales: np.ndarray, keypoints: np.ndarray) -> Records:
    """`N` train records: centres `(N, 2)`, scales `(N,)` and keypoints `(N, K, 3)`."""
    count = len(scales)
    return Records(
        paths=np.array([f"{index}.jpg" for index in range(count)], object),
        centers=np.asarray(centers, np.float64),
        scales=np.asarray(scales, np.float64),
        keypoints=np.asarray(keypoints, np.float64),
        validation=np.zeros(count, bool),
        headboxes=np.full((count, 4), np.nan),
        boxes=np.full((count, 4), np.nan),
        areas=np.full(count, np.nan),
        image_ids=np.full(count, -1),
        annotation_ids=np.full(count, -1),
    )


def dataset_of(encoded: bytes, center: tuple[float, float], scale: float) -> KeypointDataset:
    """One record with one keypoint, in the object's centre."""
    records = records_of(np.array([center]), np.array([scale]), np.array([[[*center, 2.0]]]))
    return KeypointDataset("memory", DOT, records, MemoryImages([encoded]))


def encoded(image: np.ndarray, kind: str = "png", *, mode: str = "RGB", **options: object) -> bytes:
    """An RGB image as a file of Pillow's format `kind` and colours `mode`."""
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, kind, **options)
    return file.getvalue()


def with_exif(jpeg: bytes, tiff: bytes) -> bytes:
    """A JPEG with an Exif segment."""
    payload = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
    return jpeg[:2] + segment + jpeg[2:]


def jpeg_with_orientation(image: np.ndarray, orientation: int) -> bytes:
    """The bytes of a JPEG with an Exif segment that holds nothing but the orientation."""
    jpeg = encoded(image, "jpeg", quality=100)
    # Big-endian TIFF header, a directory of one entry (tag 0x0112, type SHORT, count 1), no next.
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return with_exif(jpeg, tiff)


def ramp(height: int, width: int, slope: float) -> np.ndarray:
    """Red rises from 25 by `slope` a column, blue falls from 255 by as much, green is 25."""
    red = 25 + slope * np.indices((height, width))[1]
    assert red.max() < 255.5
    return np.stack([red, np.full_like(red, 25), 280 - red], axis=-1).round().astype(np.uint8)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth random colours with details of some twenty pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 20 + 2, width // 20 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
