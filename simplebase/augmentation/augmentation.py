"""A recipe's augmentation list as layers."""

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import keras
from keras_cv.layers import VectorizedBaseImageAugmentationLayer

from simplebase.augmentation.affine import RandomKeypointAffine
from simplebase.augmentation.colour import RandomColour
from simplebase.augmentation.cutout import RandomKeypointCutout
from simplebase.augmentation.equalization import RandomEqualization
from simplebase.augmentation.foreign import ImageLayer, keras_cv_layer
from simplebase.augmentation.kernel import RandomBlur, RandomSharpness
from simplebase.augmentation.probe import check_layer
from simplebase.augmentation.random import StepRandom
from simplebase.errors import ArgumentError, SimplebaseWarning
from simplebase.geometry import Size
from simplebase.presets.augmentation_settings import (
    AugmentationSettings,
    BlurSettings,
    ColourSettings,
    EqualizationSettings,
    GeometryFade,
    GeometrySettings,
    KerasCVSettings,
    RandomCutoutSettings,
    SharpnessSettings,
)
from simplebase.skeletons import Skeleton

_PixelLayer: TypeAlias = VectorizedBaseImageAugmentationLayer | ImageLayer


def _checked(layer: keras.layers.Layer) -> ImageLayer:
    wrapped = ImageLayer(layer)
    check_layer(wrapped)
    return wrapped


_LAYERS: dict[type, Callable[[Any], _PixelLayer]] = {
    SharpnessSettings: RandomSharpness,
    BlurSettings: RandomBlur,
    EqualizationSettings: RandomEqualization,
    RandomCutoutSettings: RandomKeypointCutout,
    KerasCVSettings: lambda item: _checked(keras_cv_layer(item)),
}


class Augmentation(keras.layers.Layer):
    """A recipe's augmentation, drawing from one (seed, step) source.

    All geometry comes first, in one warp. The rest follows in its order; what is linear in colour
    and stands side by side is one pass.

    Args:
        settings: the recipe's `augmentation` list; empty passes batches through.
        input_size: `(H, W)` of the network.
        skeleton: for its flip pairs and its upper body.
        seed: of all draws.
        fade: when all geometry but flips fades, and how much of it is left, see
            `RandomKeypointAffine`.
        layers: layers of Keras or KerasCV that run after the recipe's, on images `(B, H, W, 3)`
            float32, 0 to 255. Each KerasCV layer needs a seed other than 0; its value does not
            matter.

    `canvas_size` is what the pipeline has to deliver.

    Raises:
        ArgumentError: `half_body` for a skeleton that does not say what the upper body is; a layer
            of Keras or KerasCV that moves pixels, mixes images or cannot be repeated.
    """

    def __init__(
        self,
        settings: Sequence[AugmentationSettings],
        input_size: Size,
        skeleton: Skeleton,
        seed: int = 0,
        fade: GeometryFade | None = None,
        layers: Sequence[keras.layers.Layer] = (),
    ) -> None:
        super().__init__(dtype="float32")
        self.built = True  # No weights; otherwise Keras traces all layers once to find that out.
        self.canvas_size = input_size
        self.random = StepRandom(seed)
        self.layers: list[_PixelLayer] = []
        geometry = [item for item in settings if isinstance(item, GeometrySettings)]
        if geometry:
            affine = RandomKeypointAffine(input_size, geometry, skeleton, fade)
            _warn_of_unpaired_flips(affine, skeleton)
            _require_upper_body(affine, skeleton)
            self.canvas_size = affine.canvas_size
            self.layers.append(affine)
        self.layers.extend(_photometric_layers(settings))
        self.layers.extend(_checked(layer) for layer in layers)
        for layer in self.layers:
            layer.random = self.random

    def call(
        self, batch: dict[str, Any], step: Any, replica: Any = 0, replicas: int = 1
    ) -> dict[str, Any]:
        """The batch as the network and the loss will see it.

        Args:
            batch: `{"images": (B, Hc, Wc, 3), "keypoints": (B, K, 3)}`.
            step: of the training, an integer scalar.
            replica: which of `replicas` equal parts of the step's batch this is.
            replicas: how many devices share the step.
        """
        self.random.start(step, replica, replicas)
        for layer in self.layers:
            batch = layer(batch)
        return batch


def _photometric_layers(
    settings: Sequence[AugmentationSettings],
) -> Iterator[_PixelLayer]:
    photometry = [item for item in settings if not isinstance(item, GeometrySettings)]
    for linear, items in itertools.groupby(
        photometry, lambda item: isinstance(item, ColourSettings)
    ):
        if linear:
            yield RandomColour([item for item in items if isinstance(item, ColourSettings)])
            continue
        for item in items:
            yield _LAYERS[type(item)](item)


def _warn_of_unpaired_flips(affine: RandomKeypointAffine, skeleton: Skeleton) -> None:
    for direction, letter in (("horizontal", "h"), ("vertical", "v")):
        probability = getattr(affine, f"{direction}_flip")
        if probability > 0 and not getattr(skeleton, f"{direction}_pairs"):
            warnings.warn(
                f"images are flipped ({direction}_flip {probability:g}) but skeleton "
                f"{skeleton.name!r} has no {direction} pairs: if left and right of the object "
                f"differ, name them in match_point.txt (left_ear,right_ear,{letter}), or take "
                f"{direction}_flip out of the recipe.",
                SimplebaseWarning,
                stacklevel=3,
            )


def _require_upper_body(affine: RandomKeypointAffine, skeleton: Skeleton) -> None:
    if affine.half_body.probability > 0 and not skeleton.upper_body:
        raise ArgumentError(
            f"half_body of the recipe needs to know which keypoints are the upper body, but "
            f"skeleton {skeleton.name!r} does not say. Take half_body out of the recipe, or give "
            f"the skeleton an upper_body: a folder's text files get it from the built-in skeleton "
            f"whose keypoints have the same names in the same order."
        )
