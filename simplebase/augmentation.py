"""Augmentation layers of the training model's graph; the only module that imports KerasCV.

All layers work on `{"images": (B, H, W, 3), "keypoints": (B, K, 3)}`, images 0 to 255, and compute
in float32 whatever the precision policy: float16 cannot hold a keypoint.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras_cv.layers import VectorizedBaseImageAugmentationLayer

from simplebase.errors import SimplebaseWarning
from simplebase.geometry import Size
from simplebase.presets import AffineSettings, AugmentationSettings, ColourSettings
from simplebase.skeletons import Skeleton

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_MID_GREY = 127.5


class StepRandom:
    """Random numbers that follow from (seed, step) alone, in the place of `tf.random.Generator`.

    KerasCV's layers keep a generator whose state no checkpoint holds. This one has no state: the
    numbers of step n are the same in a run that was resumed and in one that was not.
    """

    def __init__(self, seed: int) -> None:
        """`seed`: any integer."""
        self._seed = seed
        self._draws = 0
        self._step: Any = 0

    def start(self, step: Any) -> None:
        """Begins the draws of `step`, an integer scalar; called once in each traced step."""
        self._step = tf.cast(step, tf.int32)
        self._draws = 0

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        """Uniform numbers in `[minval, maxval)`."""
        self._draws += 1
        key = np.random.SeedSequence([abs(self._seed), self._draws]).generate_state(1)[0]
        seed = tf.stack([tf.constant(int(key) >> 1, tf.int32), self._step])
        return tf.random.stateless_uniform(shape, seed, minval, maxval, dtype)


class RandomKeypointAffine(VectorizedBaseImageAugmentationLayer):
    """Flip, rotation, scale and shift in one warp, applied to image and keypoints alike.

    It takes a canvas that is larger than the result, so that what turns into view is real.

    Args:
        size: `(H, W)` of the result in pixels.
        settings: ranges and probabilities.
        skeleton: its flip pairs swap in a flip.

    Input images `(B, Hc, Wc, 3)` and keypoints `(B, K, 3)` in canvas pixels, the object in the
    middle; output `(B, H, W, 3)` float32 and keypoints in result pixels. `canvas_size` is the
    smallest `(Hc, Wc)` that no draw looks beyond.
    """

    def __init__(self, size: Size, settings: AffineSettings, skeleton: Skeleton) -> None:
        super().__init__(dtype="float32")
        self.size = size
        self.settings = settings
        self.horizontal_permutation = skeleton.horizontal_permutation
        self.vertical_permutation = skeleton.vertical_permutation

    @property
    def canvas_size(self) -> Size:
        """`(Hc, Wc)`: the result's corners under the strongest rotation, shrinking and shift."""
        rotation = math.radians(min(self.settings.rotation, 90.0))
        half_y, half_x = (side / 2 * (1 + 2 * self.settings.shift) for side in self.size)

        def reach(along: float, across: float) -> int:
            angle = min(rotation, math.atan2(across, along))
            extent = along * math.cos(angle) + across * math.sin(angle)
            return 2 * math.ceil(extent * self.settings.scale)

        return reach(half_y, half_x), reach(half_x, half_y)

    def get_random_transformation_batch(self, batch_size: Any, **kwargs: Any) -> dict[str, Any]:
        """Draws one transformation a sample: the `(B, 2, 2)` matrix, its inverse, the shift."""
        settings, uniform = self.settings, self._random_generator.uniform
        angle = uniform((batch_size,), -1.0, 1.0) * math.radians(settings.rotation)
        scale = tf.exp(uniform((batch_size,), -1.0, 1.0) * math.log(settings.scale))
        mirrored = uniform((batch_size,)) < settings.horizontal_flip
        upended = uniform((batch_size,)) < settings.vertical_flip
        shift = uniform((batch_size, 2), -settings.shift, settings.shift)
        flip_x = tf.where(mirrored, -1.0, 1.0)
        flip_y = tf.where(upended, -1.0, 1.0)
        cos, sin = tf.cos(angle), tf.sin(angle)
        rows = [[cos * flip_x, -sin * flip_y], [sin * flip_x, cos * flip_y]]
        rotation = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
        return {
            "matrix": rotation * scale[:, None, None],
            # Rotation times flip is orthogonal: its inverse is its transpose.
            "inverse": tf.linalg.matrix_transpose(rotation) / scale[:, None, None],
            "shift": shift * np.array([self.size[1], self.size[0]], np.float32),
            "mirrored": mirrored,
            "upended": upended,
        }

    def augment_images(
        self, images: tf.Tensor, transformations: dict[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """`(B, H, W, 3)` sampled from the canvas; black beyond it."""
        inverse = transformations["inverse"]
        middle = self._middle(self.size) + transformations["shift"]
        offset = self._canvas_middle(images) - tf.linalg.matvec(inverse, middle)
        rows = tf.concat([inverse, offset[:, :, None]], axis=-1)
        projective = tf.pad(tf.reshape(rows, (-1, 6)), [[0, 0], [0, 2]])
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
        """`(B, K, 3)` moved as the image was, left and right names swapped in a flip."""
        relative = keypoints[..., :2] - self._canvas_middle(raw_images)
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


class RandomColour(VectorizedBaseImageAugmentationLayer):
    """Brightness, contrast, saturation and loss of colour, as one random 3x4 matrix an image.

    All four are linear in colour, so their product costs one pass over the pixels.

    Args:
        settings: ranges and probabilities.

    Images `(B, H, W, 3)` stay in 0 to 255; keypoints pass unchanged.
    """

    def __init__(self, settings: ColourSettings) -> None:
        super().__init__(dtype="float32")
        self.settings = settings

    def get_random_transformation_batch(self, batch_size: Any, **kwargs: Any) -> dict[str, Any]:
        """Draws a `(B, 3, 3)` matrix and a `(B, 1)` offset."""
        settings, uniform = self.settings, self._random_generator.uniform
        shape = (batch_size, 1)
        brightness = uniform(shape, -settings.brightness, settings.brightness)
        contrast = uniform(shape, 1 - settings.contrast, 1 + settings.contrast)
        saturation = uniform(shape, 1 - settings.saturation, 1 + settings.saturation)
        saturation = tf.where(uniform(shape) < settings.grayscale, 0.0, saturation)
        colour = saturation[..., None] * tf.eye(3)
        grey = (1 - saturation[..., None]) * np.tile(_LUMINANCE, (3, 1))
        return {
            "matrix": contrast[..., None] * (colour + grey),
            "offset": _MID_GREY * (1 - contrast) + 255.0 * brightness,
        }

    def augment_images(
        self, images: tf.Tensor, transformations: dict[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """Images with the matrix applied, clipped to 0 to 255."""
        shape = tf.shape(images)
        pixels = tf.reshape(images, (shape[0], -1, 3))
        pixels = tf.linalg.matmul(pixels, transformations["matrix"], transpose_b=True)
        pixels = tf.clip_by_value(pixels + transformations["offset"][:, None], 0.0, 255.0)
        return tf.reshape(pixels, shape)

    def augment_keypoints(self, keypoints: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        """The keypoints as they are."""
        return keypoints


class Augmentation(keras.layers.Layer):
    """A recipe's augmentation layers in their order, drawing from one (seed, step) source.

    Args:
        settings: the recipe's `augmentation` list; empty passes batches through.
        input_size: `(H, W)` of the network.
        skeleton: for its flip pairs.
        seed: of all draws.

    `canvas_size` is what the pipeline has to deliver.
    """

    def __init__(
        self,
        settings: Sequence[AugmentationSettings],
        input_size: Size,
        skeleton: Skeleton,
        seed: int = 0,
    ) -> None:
        super().__init__(dtype="float32")
        self.canvas_size = input_size
        self.random = StepRandom(seed)
        self.layers = []
        for item in settings:
            if isinstance(item, AffineSettings):
                _warn_of_unpaired_flips(item, skeleton)
                layer = RandomKeypointAffine(input_size, item, skeleton)
                self.canvas_size = layer.canvas_size
            else:
                layer = RandomColour(item)
            layer._random_generator = self.random
            self.layers.append(layer)

    def call(self, batch: dict[str, Any], step: Any) -> dict[str, Any]:
        """The batch as the network and the loss will see it at training step `step`."""
        self.random.start(step)
        for layer in self.layers:
            batch = layer(batch)
        return batch


def _warn_of_unpaired_flips(settings: AffineSettings, skeleton: Skeleton) -> None:
    for direction, letter in (("horizontal", "h"), ("vertical", "v")):
        probability = getattr(settings, f"{direction}_flip")
        if probability > 0 and not getattr(skeleton, f"{direction}_pairs"):
            warnings.warn(
                f"images are flipped ({direction}_flip {probability:g}) but skeleton "
                f"{skeleton.name!r} has no {direction} pairs: if left and right of the object "
                f"differ, name them in match_point.txt (left_ear,right_ear,{letter}), or set "
                f"{direction}_flip to 0 in the recipe.",
                SimplebaseWarning,
                stacklevel=3,
            )
