"""All geometric augmentation in one warp."""

import math
from collections.abc import Sequence
from typing import Any, assert_never

import numpy as np
import tensorflow as tf
from keras_cv.layers import VectorizedBaseImageAugmentationLayer

from simplebase.augmentation.half_body import half_bodies
from simplebase.augmentation.random import StepRandom
from simplebase.geometry import Size
from simplebase.presets.augmentation_settings import (
    GeometryFade,
    GeometrySettings,
    HalfBodySettings,
    HorizontalFlipSettings,
    RotationSettings,
    ScaleSettings,
    ShiftSettings,
    VerticalFlipSettings,
)
from simplebase.skeletons import Skeleton


class RandomKeypointAffine(VectorizedBaseImageAugmentationLayer):
    """Flips, zooms in on half bodies, rotates, scales and shifts images and keypoints in one warp.

    The input is a canvas that is larger than the result, so that real pixels are moved into view.

    Args:
        size: `(H, W)` of the result in pixels.
        items: the geometric items of the recipe; the others are not applied.
        skeleton: provides the flip pairs, and the `upper_body` for `half_body`.
        fade: when everything except flips fades, and how much of it remains. The default is never.

    Input: images `(B, Hc, Wc, 3)` with the object in the middle, and keypoints `(B, K, 3)` in
    canvas pixels. Output: images `(B, H, W, 3)` float32, and keypoints in result pixels.
    `canvas_size` is the smallest `(Hc, Wc)` that covers all possible draws. `random`, set by
    `Augmentation`, is the source of the draws.
    """

    def __init__(
        self,
        size: Size,
        items: Sequence[GeometrySettings],
        skeleton: Skeleton,
        fade: GeometryFade | None = None,
    ) -> None:
        # Without a seed, KerasCV uses TensorFlow's global generator.
        super().__init__(seed=1, dtype="float32")
        self.random = StepRandom(0)
        self.size = size
        self.fade = fade
        self.horizontal_permutation = skeleton.horizontal_permutation
        self.vertical_permutation = skeleton.vertical_permutation
        self.upper_body = np.isin(skeleton.keypoints, skeleton.upper_body)
        self.horizontal_flip = self.vertical_flip = 0.0
        self.degrees, self.rotation_probability = 0.0, 1.0
        self.factor, self.fraction = 1.0, 0.0
        self.half_body = HalfBodySettings(probability=0)
        for item in items:
            match item:
                case HorizontalFlipSettings():
                    self.horizontal_flip = item.probability
                case VerticalFlipSettings():
                    self.vertical_flip = item.probability
                case RotationSettings():
                    self.degrees, self.rotation_probability = item.degrees, item.probability
                case ScaleSettings():
                    self.factor = item.factor
                case ShiftSettings():
                    self.fraction = item.fraction
                case HalfBodySettings():
                    self.half_body = item
                case _:
                    assert_never(item)

    @property
    def canvas_size(self) -> Size:
        """The `(Hc, Wc)` that contains the result under the strongest rotation, scale and shift."""
        rotation = math.radians(min(self.degrees, 90.0))
        half_y, half_x = (side / 2 * (1 + 2 * self.fraction) for side in self.size)

        def reach(along: float, across: float) -> int:
            angle = min(rotation, math.atan2(across, along))
            extent = along * math.cos(angle) + across * math.sin(angle)
            return 2 * math.ceil(extent * self.factor)

        return reach(half_y, half_x), reach(half_x, half_y)

    def get_random_transformation_batch(
        self, batch_size: Any, images: Any = None, keypoints: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Draws one transformation per sample.

        The point `focus` `(B, 2)`, relative to the canvas's centre, moves to `shift` `(B, 2)`,
        relative to the result's centre. `matrix` `(B, 2, 2)` transforms around it, and `inverse` is
        the inverse of `matrix`.
        """
        uniform = self.random.uniform
        strength = self._strength()
        angle = uniform((batch_size,), -1.0, 1.0) * math.radians(self.degrees) * strength
        scale = tf.exp(uniform((batch_size,), -1.0, 1.0) * math.log(self.factor) * strength)
        mirrored = uniform((batch_size,)) < self.horizontal_flip
        upended = uniform((batch_size,)) < self.vertical_flip
        shift = uniform((batch_size, 2), -self.fraction, self.fraction) * strength
        if self.rotation_probability < 1:
            angle = tf.where(uniform((batch_size,)) < self.rotation_probability, angle, 0.0)
        flip_x = tf.where(mirrored, -1.0, 1.0)
        flip_y = tf.where(upended, -1.0, 1.0)
        cos, sin = tf.cos(angle), tf.sin(angle)
        rows = [[cos * flip_x, -sin * flip_y], [sin * flip_x, cos * flip_y]]
        rotation = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
        drawn = {
            "matrix": rotation * scale[:, None, None],
            # Rotation times flip is orthogonal: its inverse is its transpose.
            "inverse": tf.linalg.matrix_transpose(rotation) / scale[:, None, None],
            "shift": shift * np.array([self.size[1], self.size[0]], np.float32),
            "focus": tf.zeros((batch_size, 2)),
            "mirrored": mirrored,
            "upended": upended,
        }
        if self.half_body.probability > 0:
            probability = self.half_body.probability * strength
            self._focus_on_halves(drawn, keypoints, self._canvas_middle(images), probability)
        return drawn

    def _strength(self) -> Any:
        """Returns 1 before the fade and its remainder after it."""
        if self.fade is None:
            return 1.0
        first, last, remainder = self.fade
        left = (last - tf.cast(self.random.step, tf.float32)) / (last - first)
        return remainder + (1 - remainder) * tf.clip_by_value(left, 0.0, 1.0)

    def _focus_on_halves(
        self,
        drawn: dict[str, Any],
        keypoints: tf.Tensor,
        canvas_middle: np.ndarray,
        probability: Any,
    ) -> None:
        count = tf.shape(keypoints)[0]
        draws = self.random.uniform((count, 2))
        found, zoom, middle = half_bodies(
            keypoints, self.upper_body, self.half_body.min_keypoints, self.size, draws[:, 0]
        )
        found &= draws[:, 1] < probability
        zoom = tf.where(found, zoom, 1.0)[:, None, None]
        drawn["matrix"] *= zoom
        drawn["inverse"] /= zoom
        # The point that moves to the result's centre, and how far the result extends around it.
        # Its corners must stay on the canvas.
        shift = tf.linalg.matvec(drawn["inverse"], drawn["shift"])
        reach = tf.linalg.matvec(tf.abs(drawn["inverse"]), self._middle(self.size)[None])
        room = tf.maximum(canvas_middle - reach, 0.0)
        seen = tf.clip_by_value(middle - canvas_middle - shift, -room, room)
        drawn["focus"] = tf.where(found[:, None], seen + shift, 0.0)

    def augment_images(
        self, images: tf.Tensor, transformations: dict[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """Samples `(B, H, W, 3)` from the canvas; black beyond it."""
        inverse = transformations["inverse"]
        middle = self._middle(self.size) + transformations["shift"]
        focus = self._canvas_middle(images) + transformations["focus"]
        offset = focus - tf.linalg.matvec(inverse, middle)
        rows = tf.concat([inverse, offset[:, :, None]], axis=-1)
        projective = tf.pad(tf.reshape(rows, (-1, 6)), [[0, 0], [0, 2]])
        # The images are float. uint8 would save the cast of the canvas, a sixth of the warp's time,
        # but the kernel truncates to uint8, which darkens images by half a level.
        warped = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=projective,
            output_shape=self.size,
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        return tf.ensure_shape(warped, (None, *self.size, 3))

    def augment_keypoints(
        self,
        keypoints: tf.Tensor,
        transformations: dict[str, Any],
        raw_images: tf.Tensor,
        **kwargs: Any,
    ) -> tf.Tensor:
        """Moves `(B, K, 3)` like the images, and swaps left and right keypoints in a flip."""
        focus = self._canvas_middle(raw_images) + transformations["focus"]
        relative = keypoints[..., :2] - focus[:, None, :]
        turned = tf.linalg.matmul(relative, transformations["matrix"], transpose_b=True)
        middle = self._middle(self.size) + transformations["shift"]
        moved = tf.concat([turned + middle[:, None, :], keypoints[..., 2:]], axis=-1)
        for flipped, permutation in (
            ("mirrored", self.horizontal_permutation),
            ("upended", self.vertical_permutation),
        ):
            swapped = tf.gather(moved, permutation, axis=1)
            moved = tf.where(transformations[flipped][:, None, None], swapped, moved)
        return moved

    @staticmethod
    def _middle(size: Size) -> np.ndarray:
        return np.array([(size[1] - 1) / 2, (size[0] - 1) / 2], np.float32)

    def _canvas_middle(self, images: tf.Tensor) -> np.ndarray:
        return self._middle((images.shape[1], images.shape[2]))
