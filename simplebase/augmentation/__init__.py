"""Augmentation within the training model's graph. Only this package imports KerasCV.

All layers work on `{"images": (B, H, W, 3), "keypoints": (B, K, 3)}`, with images from 0 to 255.
They always compute in float32, because float16 is too coarse for the coordinates of keypoints.
"""

from simplebase.augmentation.augmentation import Augmentation

__all__ = ["Augmentation"]
