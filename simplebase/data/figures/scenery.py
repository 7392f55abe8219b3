"""The surroundings of a figure: background, objects in front, and the camera's effects."""

import cv2
import numpy as np

from simplebase.data.figures.painting import CIRCLE, FLAT, OBJECT, ROUND, Scene, cloth, paint


def background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A scene without people: smooth noise of several sizes, wall and floor, stripes, clutter."""
    height, width = size
    coarse = np.full((64, 64, 3), rng.uniform(45, 210), np.float32)
    for cells, strength in ((2, 40), (6, 28), (20, 18), (64, 10)):
        grey = rng.standard_normal((cells, cells, 1), np.float32)
        tint = rng.standard_normal((cells, cells, 3), np.float32)
        noise = (grey + 0.35 * tint) * np.float32(strength * rng.uniform(0.2, 1))
        coarse += cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)
    coarse += rng.normal(0, 15, 3)
    if rng.random() < 0.4:
        coarse[rng.integers(32, 56) :] += rng.normal(0, 30, 3)
    if rng.random() < 0.3:
        phase = np.tensordot(rng.normal(0, 0.6, 2), np.indices((64, 64)), 1)
        stripes = (np.sin(phase) * rng.choice([1, 6])).clip(-1, 1)
        coarse += stripes[..., None] * rng.normal(0, 14, 3)
    mean = coarse.mean(axis=(0, 1))
    coarse = coarse.clip(0, 255).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    scene = Scene(image, np.zeros(size, np.uint8), 0.4 * CIRCLE[10], image)
    for _ in range(rng.integers(0, 13)):
        balls = rng.random((rng.integers(1, 5), 3)) * [width, height, 0]
        balls = balls[0] + (balls - balls[0]) * rng.uniform(0.05, 0.5)
        balls[:, 2] = rng.uniform(0.005, 0.06) * height
        colour = mean + (cloth(rng) - mean) * rng.uniform(0.15, 0.9)
        paint(scene, balls, colour, OBJECT, ROUND if rng.random() < 0.3 else FLAT)
    return image


def occlude(rng: np.random.Generator, scene: Scene, points: np.ndarray, unit: float) -> None:
    """Covers parts of the figure with one to three objects, plain or textured."""
    for _ in range(rng.integers(1, 4)):
        middle = points[rng.integers(len(points))] + rng.normal(0, 0.05 * unit, 2)
        corners = middle + rng.uniform(-0.1, 0.1, (rng.integers(1, 5), 2)) * unit
        balls = np.column_stack([corners, np.full(len(corners), rng.uniform(0.015, 0.05) * unit)])
        paint(scene, balls, cloth(rng), OBJECT)
        if rng.random() < 0.5:
            texture = scene.backdrop[::-1, ::-1, rng.permutation(3)].copy()
            blend = cv2.addWeighted(scene.image, 0.5, texture, 0.5, 0)
            cv2.copyTo(blend, (scene.regions == OBJECT).astype(np.uint8), scene.image)


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Applies exposure, colour cast, sensor noise and, at times, a slight blur."""
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.1))
    gain = rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3)
    curve = (np.arange(256)[:, None] * gain).clip(0, 255).astype(np.uint8)
    image = cv2.LUT(image, curve[:, None])
    noise = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(image.shape)
    amount = rng.uniform(0.015, 0.08)  # of a standard deviation of 74
    return cv2.addWeighted(image, 1, noise, amount, -127.5 * amount)
