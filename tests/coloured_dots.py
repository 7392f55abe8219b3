"""A world of coloured dots, and a model that sees them: what the demo does can be checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from simplebase import Crop, HeatmapCodec, ModelMetadata, Skeleton
from simplebase.skeletons import Link
from simplebase.videos.frame import Frame

SKELETON = Skeleton(
    "dots",
    ("red", "green", "blue"),
    links=(Link("red", "green", "r"), Link("green", "blue", "b")),
)
SIZE = (64, 64)
RADIUS = 5


class DotModel:
    """Finds the middle of what is red, green and blue; answers 0 where a colour is not there."""

    def __init__(self) -> None:
        self.metadata = ModelMetadata("dots", SIZE, Crop(), HeatmapCodec(SIZE), SKELETON)
        self.batches: list[int] = []

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(len(images))
        points = np.zeros((len(images), 3, 3), np.float32)
        for image, row in zip(images.astype(int), points, strict=True):
            for channel in range(3):
                rest = np.delete(image, channel, axis=-1).max(axis=-1)
                weight = np.clip(image[..., channel] - rest - 60, 0, None)
                if weight.sum() > 0:
                    y, x = np.indices(weight.shape)
                    row[channel] = (
                        (x * weight).sum() / weight.sum(),
                        (y * weight).sum() / weight.sum(),
                        2,
                    )
        return self.metadata.codec.encode(points)[0]


def dots(objects: Sequence[Any], size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """An RGB image with one red, green and blue dot an object; a dot of None is left out."""
    image = np.full((*size, 3), 40, np.uint8)
    for places in objects:
        for channel, place in enumerate(places):
            if place is not None:
                colour = [230 if channel == other else 20 for other in range(3)]
                center = tuple(round(float(part)) for part in place)
                cv2.circle(image, center, RADIUS, colour, -1)
    return image


def frame(image: np.ndarray, index: int = 0, fps: float = 25.0) -> Frame:
    return Frame(image, index, index / fps, f"clip_{index:06d}.jpg")


def write_video(path: Path, images: Sequence[np.ndarray], fps: float = 25.0) -> Path:
    height, width = images[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), codec, fps, (width, height))
    for image in images:
        writer.write(image[..., ::-1])
    writer.release()
    return path


TRIANGLE = ((60, 30), (40, 70), (90, 80))


def moving(count: int, step: float = 2.0) -> list[np.ndarray]:
    """A triangle of dots on its way to the right."""
    return [dots([[(x + step * n, y) for x, y in TRIANGLE]]) for n in range(count)]
