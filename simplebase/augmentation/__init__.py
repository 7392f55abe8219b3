"""Augmentation inside the training model's graph; the only package that imports KerasCV.

All layers work on `{"images": (B, H, W, 3), "keypoints": (B, K, 3)}`, images 0 to 255, and compute
in float32 whatever the precision policy: float16 cannot hold a keypoint.
"""

from simplebase.augmentation.augmentation import Augmentation

__all__ = ["Augmentation"]
