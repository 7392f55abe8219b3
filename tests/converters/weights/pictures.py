"""An image of odd content, and what each origin's code shows its network of it, by hand."""

import numpy as np

from simplebase.geometry import Size

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def odd_images(size: Size, count: int = 2) -> np.ndarray:
    """`(count, H, W, 3)` uint8: different along both axes, in every channel and in every corner."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    images = []
    for number in range(count):
        red = 255 * x / (width - 1)
        green = 127 + 127 * np.sin(y / (3 + number))
        blue = (x * 7 + y * 13 + 31 * number) % 256
        images.append(np.stack([red, green, blue], axis=-1))
    noise = np.random.default_rng(0).normal(0, 20, (count, height, width, 3))
    return np.clip(np.array(images) + noise, 0, 255).astype(np.uint8)


def official_input(images: np.ndarray) -> np.ndarray:
    """`(B, 3, H, W)` float32: BGR less the statistics of RGB, as the official loader has it."""
    scaled = (images[..., ::-1] / 255 - MEAN) / STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def imagenet_input(images: np.ndarray) -> np.ndarray:
    """`(B, 3, H, W)` float32: RGB less its statistics, as MMPose and torchvision have it."""
    scaled = (images / 255 - MEAN) / STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)
