"""Builds the layers of a recipe's augmentation list."""

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
    """Applies a recipe's augmentation, with random numbers that depend on (seed, step) only.

    All geometry comes first, in one warp. The other items follow in the order of the list. Adjacent
    items that are linear in colour are combined in one pass.

    Args:
        settings: the recipe's `augmentation` list. An empty list leaves batches unchanged.
        input_size: `(H, W)` of the network.
        skeleton: provides the flip pairs and the upper body.
        seed: seed of all random numbers.
        fade: when all geometry except flips fades, and how much of it remains, see
            `RandomKeypointAffine`.
        layers: layers of Keras or KerasCV that run after the recipe's, on images `(B, H, W, 3)`
            float32, 0 to 255. Each KerasCV layer needs a seed other than 0; its value does not
            matter.

    `canvas_size` is the size of the canvases that the pipeline has to deliver.

    Raises:
        ArgumentError: `half_body` is used with a skeleton without `upper_body`, or a layer of Keras
            or KerasCV moves pixels, mixes images or cannot be repeated.
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
        """Augments a batch for the network and the loss.

        Args:
            batch: `{"images": (B, Hc, Wc, 3), "keypoints": (B, K, 3)}`.
            step: the training step, an integer scalar.
            replica: index of this part of the step's batch, which has `replicas` equal parts.
            replicas: number of devices that share the step.
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
                f"images are flipped ({direction}_flip {probability:g}), but skeleton "
                f"{skeleton.name!r} has no {direction} pairs. If left and right of the object "
                f"differ, name the pairs in match_point.txt (left_ear,right_ear,{letter}), or "
                f"remove {direction}_flip from the recipe.",
                SimplebaseWarning,
                stacklevel=3,
            )


def _require_upper_body(affine: RandomKeypointAffine, skeleton: Skeleton) -> None:
    if affine.half_body.probability > 0 and not skeleton.upper_body:
        raise ArgumentError(
            f"the recipe's half_body needs to know which keypoints are the upper body, but "
            f"skeleton {skeleton.name!r} has no upper_body. Remove half_body from the recipe, or "
            f"add upper_body to the skeleton. A folder's text files get it from the built-in "
            f"skeleton whose keypoints have the same names in the same order."
        )
