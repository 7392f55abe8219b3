"""The input pipeline that keypoint projects commonly have, as a baseline.

Each worker decodes the whole image with PIL, augments it, crops and resizes it, and draws one
Gaussian a keypoint with NumPy. Two worker threads, which are faster here than two processes: most
of the time goes to PIL and OpenCV, and processes have to send what they made.
"""

import math
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageEnhance

from simplebase.data.dataset import KeypointDataset
from simplebase.geometry import PERSON_PIXELS

WORKERS = 2
PADDING = 1.25
STRIDE, SIGMA = 4, 2.0

_dataset: Any = None
_size: Any = None


def batches(
    dataset: KeypointDataset, size: tuple[int, int], batch_size: int, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images `(B, H, W, 3)` float32 and heatmaps `(B, h, w, K)` of one epoch."""
    order = np.random.default_rng(seed).permutation(len(dataset))
    chunks = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    with ThreadPool(WORKERS, _begin, (dataset, size)) as pool:
        yield from pool.imap(_batch, chunks)


def _begin(dataset: KeypointDataset, size: tuple[int, int]) -> None:
    global _dataset, _size
    cv2.setNumThreads(1)
    _dataset, _size = dataset, size


def _batch(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    samples = [_sample(index) for index in indices]
    return np.stack([image for image, _ in samples]), np.stack([maps for _, maps in samples])


def _sample(index: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(index)
    records = _dataset.records
    image = Image.open(_dataset.images.path(index)).convert("RGB")
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.8, 1.2))
    pixels, keypoints = np.asarray(image), records.keypoints[index].copy()
    center = records.centers[index].copy()
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        last = pixels.shape[1] - 1
        keypoints[:, 0], center[0] = last - keypoints[:, 0], last - center[0]
        keypoints = keypoints[_dataset.skeleton.horizontal_permutation]
    side = PERSON_PIXELS * PADDING * records.scales[index] * 1.3 ** rng.uniform(-1, 1)
    turned, keypoints = _rotated(pixels, keypoints, center, math.radians(rng.uniform(-40, 40)))
    cropped, keypoints = _cropped(turned, keypoints, center, side)
    return cropped.astype(np.float32) / 255, _heatmaps(keypoints)


def _rotated(
    pixels: np.ndarray, keypoints: np.ndarray, center: np.ndarray, angle: float
) -> tuple[np.ndarray, np.ndarray]:
    matrix = cv2.getRotationMatrix2D((center[0], center[1]), math.degrees(angle), 1.0)
    turned = cv2.warpAffine(pixels, matrix, (pixels.shape[1], pixels.shape[0]))
    moved = keypoints.copy()
    moved[:, :2] = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return turned, moved


def _cropped(
    pixels: np.ndarray, keypoints: np.ndarray, center: np.ndarray, side: float
) -> tuple[np.ndarray, np.ndarray]:
    x, y, reach = int(center[0] - side / 2), int(center[1] - side / 2), int(side)
    left, top = max(0, -x), max(0, -y)
    height, width = pixels.shape[:2]
    right, bottom = max(0, x + reach - width), max(0, y + reach - height)
    padded = np.pad(pixels, ((top, bottom), (left, right), (0, 0)))
    cropped = padded[y + top : y + top + reach, x + left : x + left + reach]
    moved = keypoints.copy()
    moved[:, :2] = (keypoints[:, :2] - [x, y]) * [_size[1] / reach, _size[0] / reach]
    return cv2.resize(cropped, (_size[1], _size[0])), moved


def _heatmaps(keypoints: np.ndarray) -> np.ndarray:
    height, width = _size[0] // STRIDE, _size[1] // STRIDE
    maps = np.zeros((height, width, len(keypoints)), np.float32)
    grid_x, grid_y = np.meshgrid(np.arange(width), np.arange(height))
    for number, (x, y, visible) in enumerate(keypoints):
        if visible > 0:
            distance = (grid_x - x / STRIDE) ** 2 + (grid_y - y / STRIDE) ** 2
            maps[..., number] = np.exp(-distance / (2 * SIGMA**2))
    return maps
