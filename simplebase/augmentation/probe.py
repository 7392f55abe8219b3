"""Tests whether a layer moves pixels, by comparing its results on similar images.

Two batches differ only in that two patches of an image are swapped. All statistics of an image,
such as its mean and its histogram, are the same in both. If a layer changes pixels in place, its
results differ only within the two patches, for the same draws. (A blur spreads the difference a
little, and erasing a patch removes it.) If a layer moves pixels, the results differ elsewhere too.
If it mixes samples, other images differ as well.
"""

import re
import warnings

import numpy as np
import tensorflow as tf

from simplebase.augmentation.foreign import WHITE, ImageLayer, with_inner_layers
from simplebase.errors import ArgumentError, cut, first_line

# A size that no layer is likely to crop or resize to. The patches are at least 16 pixels from the
# border and aligned with JPEG's blocks. No flip or rotation by 90 degrees maps one onto another.
_SIZE = (157, 141)
_PATCH = 16
_PATCHES = ((16, 32), (112, 80))
_STEPS = 4
_SAMPLES = 16
# Images without swapped patches. Their results may differ only if samples are mixed.
_UNTOUCHED = 2
# A blurred step edge has half of its height on the wrong side. A step that was moved by a pixel has
# all of it there.
_SPREAD = 0.6
# No blur of a reasonable size reaches farther than this.
_REACH = 24
# Tolerance in levels of 255: the last digits of a sum depend on the order of the pixels.
_ROUNDING = 1.0


def check_layer(layer: ImageLayer) -> None:
    """Runs the layer on small images, and raises an error if it cannot be used for augmentation.

    Draws of several steps are tried on 14 images each. Effects in fewer than one of 10 images may
    be missed, and so may movements of less than about half a pixel.

    Raises:
        ArgumentError: the layer fails on images alone, moves pixels, mixes samples, returns
            images of another size or range, or draws random numbers that do not repeat.
    """
    name = f"augmentation layer {type(layer.layer).__name__}"
    for part in with_inner_layers(layer.layer):
        if part.compute_dtype != "float32":
            raise ArgumentError(
                f"{name} computes in {part.compute_dtype}, or a layer in it does; build them with "
                "dtype='float32'."
            )
    shared = tf.random.get_global_generator()
    state = shared.state.numpy()
    try:
        with warnings.catch_warnings():
            # Hides warnings of Keras and KerasCV about things that the user cannot change.
            warnings.simplefilter("ignore")
            problem = _problem(layer)
        if (shared.state.numpy() != state).any():
            problem = (
                "draws from TensorFlow's global generator, which a resumed run cannot repeat. "
                "Give it and each of its inner layers a seed other than 0."
            )
    except ArgumentError:
        raise
    except Exception as error:
        raise ArgumentError(
            f"{name} fails on a batch of images (B, H, W, 3) alone: {_cause(error)}"
        ) from error
    finally:
        shared.reset(state)
    if problem:
        raise ArgumentError(f"{name} {problem}")


def _problem(layer: ImageLayer) -> str:
    """Returns what is wrong with the layer, or an empty string."""

    def run(images: tf.Tensor, step: int) -> np.ndarray:
        layer.random.start(step)
        return layer({"images": images})["images"].numpy()

    images, exchanged = _batches()
    first = run(images, 0)
    brightest = 0.0
    for step in range(_STEPS):
        plain, other = run(images, step), run(exchanged, step)
        repeated = first if step == 0 else plain
        if not np.isfinite(plain).all():
            return "returns values that are not finite."
        difference = np.abs(plain - other).max(axis=-1)
        mixed = (difference[-_UNTOUCHED:] > _ROUNDING).any()
        moved = any(_moved(image) for image in difference[:-_UNTOUCHED])
        if mixed or moved or step == _STEPS - 1:
            repeated = run(images, step)
        if (np.abs(plain - repeated) > _ROUNDING).any():
            return "draws random numbers that do not repeat for the same seed and step."
        if mixed:
            return "mixes the images of a batch: an image changes when another one does."
        if moved:
            return (
                "moves pixels, and keypoints would stay behind. Use the recipe's own "
                "horizontal_flip, vertical_flip, rotation, scale and shift, which move both."
            )
        brightest = max(brightest, plain.max())
    if brightest <= 1:
        return f"takes or returns images from 0 to 1, but here they are from 0 to {WHITE:g}."
    return ""


def _cause(error: Exception) -> str:
    """Returns a layer's own error message, without the paragraphs of Keras and AutoGraph."""
    text = str(error)
    bold = re.findall(r"\x1b\[1m(.*?)\x1b\[0m", text, re.DOTALL)
    quoted = re.findall(r"^ +\w+(?:Error|Exception): (.*)", text, re.MULTILINE)
    return cut(" ".join([first_line(error), *quoted, *bold][-1].split()))


def _batches() -> tuple[tf.Tensor, tf.Tensor]:
    """Returns two batches `(N, H, W, 3)` of whole levels that differ only in swapped patches."""
    random = np.random.default_rng(0)
    images = random.integers(96, 160, (_SAMPLES, *_SIZE, 3)).astype(np.float32)
    patches = [(slice(top, top + _PATCH), slice(left, left + _PATCH)) for top, left in _PATCHES]
    for patch, colour in zip(patches, ([250, 20, 70], [10, 190, 230]), strict=True):
        texture = random.integers(-5, 6, (_SAMPLES, _PATCH, _PATCH, 3))
        images[:, *patch] = np.array(colour, np.float32) + texture
    exchanged, changed = images.copy(), slice(0, -_UNTOUCHED)
    exchanged[changed, *patches[0]] = images[changed, *patches[1]]
    exchanged[changed, *patches[1]] = images[changed, *patches[0]]
    return tf.constant(images), tf.constant(exchanged)


def _moved(difference: np.ndarray) -> bool:
    """Returns whether the results `(H, W)` differ outside the patches."""
    inside, near = np.zeros(_SIZE, bool), np.zeros(_SIZE, bool)
    for top, left in _PATCHES:
        inside[top : top + _PATCH, left : left + _PATCH] = True
        low_y, low_x = max(0, top - _REACH), max(0, left - _REACH)
        near[low_y : top + _PATCH + _REACH, low_x : left + _PATCH + _REACH] = True
    outside = difference[~inside].max()
    if difference[~near].max() > _ROUNDING:
        return True
    return bool(outside > max(_ROUNDING, _SPREAD * difference[inside].max()))
