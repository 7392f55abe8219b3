"""Draws the kernels of a convolution."""

import os
from collections.abc import Callable

import keras
import numpy as np

from simplebase.errors import ArgumentError
from simplebase.images import write_image
from simplebase.inspection.layers import find_layer, layer_paths, nearest
from simplebase.inspection.model import open_network
from simplebase.inspection.pictures import LIMIT, LayerPicture, magnified, require_picture
from simplebase.normalisation import NORMALISATIONS
from simplebase.tiles import draw_tiles

_TILE_SIDE, _MATRIX_SIDE = 96, 768
_WITHIN = 99.5  # per cent of the weights within the range of shades; a few are far larger

# The kernel `(kh, kw, inputs, outputs)` of each kind of convolution. For a separable convolution it
# is that of its first step, which has one output per input.
_KERNELS: dict[type, Callable[[keras.layers.Layer], np.ndarray]] = {
    keras.layers.Conv2D: lambda layer: np.asarray(layer.kernel),
    keras.layers.DepthwiseConv2D: lambda layer: np.asarray(layer.kernel),
    keras.layers.SeparableConv2D: lambda layer: np.asarray(layer.depthwise_kernel),
    keras.layers.Conv2DTranspose: lambda layer: np.asarray(layer.kernel).swapaxes(2, 3),
}


def write_kernels(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    layer: str | None = None,
    overwrite: bool = False,
) -> LayerPicture:
    """Draws the strongest kernels of a convolution.

    Args:
        model: a Keras model file.
        output: an image file to write.
        layer: name or path of the layer. The default is the first convolution.
        overwrite: replace `output` if it exists.

    Raises:
        ArgumentError: `layer` is not in the model or has no kernels, the model's format has no
            layers, or `output` is not an image.
        MissingFileError, DataError: `model` is missing or invalid.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    require_picture(output, overwrite=overwrite)
    network = open_network(model)
    convolutions = [path for path, one in layer_paths(network).items() if _reader(one)]
    path, found = find_layer(network, layer or convolutions[0])
    read = _reader(found)
    if read is None:
        raise ArgumentError(
            f"layer {path!r} ({type(found).__name__}) has no kernels to draw. "
            f"{nearest(found.name, convolutions)}"
        )
    kernel = read(found)
    reads_bgr = path == convolutions[0] and NORMALISATIONS[network.normalisation].get("bgr", False)
    sheet, shown, total = draw_kernels(kernel[:, :, ::-1] if reads_bgr else kernel, path)
    write_image(output, sheet, overwrite=overwrite)
    return LayerPicture(path, shown, total)


def draw_kernels(kernel: np.ndarray, path: str) -> tuple[np.ndarray, int, int]:
    """Draws a sheet of the strongest kernels, at most `LIMIT`.

    Kernels with three input channels are drawn in colour, one per output. For others, each pair of
    input and output is a tile in grey. All kernels of one pixel form one matrix. All tiles share
    one scale, so that a kernel of very small weights is grey.

    Args:
        kernel: `(kh, kw, inputs, outputs)`; RGB if its input is an image.
        path: path of the layer, for the title.

    Returns:
        `(height, width, 3)` uint8, the number of tiles, and the number of kernels.
    """
    height, width, inputs, outputs = kernel.shape
    if height == width == 1:
        return _draw_matrix(kernel[0, 0].T, path), inputs * outputs, inputs * outputs
    if inputs == 3:
        kernels = np.moveaxis(kernel, -1, 0)
        names = [f"{output}" for output in range(outputs)]
        meaning = "output"
    else:
        pairs = kernel.reshape(height, width, inputs * outputs, 1)
        kernels = np.moveaxis(pairs, 2, 0)
        # A depthwise kernel has one output per input, so the pair needs no second number.
        names = [
            f"{row}" if outputs == 1 else f"{row} to {column}"
            for row in range(inputs)
            for column in range(outputs)
        ]
        meaning = "channel" if outputs == 1 else "input to output"
    strength = np.sqrt((kernels**2).sum(axis=(1, 2, 3)))
    chosen = np.argsort(-strength, kind="stable")[:LIMIT]
    count = f"{len(chosen)} strongest of {len(kernels)}" if len(kernels) > LIMIT else len(kernels)
    peak = _peak(kernels[chosen])
    sheet = draw_tiles(
        [_shaded(kernels[index], peak, _TILE_SIDE) for index in chosen],
        [names[index] for index in chosen],
        title=f"{path}: {count} kernels, each {height}x{width}",
        legend=f"{_scale(peak)}   below: {meaning}   order: magnitude",
    )
    return sheet, len(chosen), len(kernels)


def _reader(layer: keras.layers.Layer) -> Callable[[keras.layers.Layer], np.ndarray] | None:
    """Returns the function that reads the kernel of `layer`; None if it is not a convolution."""
    return next((read for kind, read in _KERNELS.items() if isinstance(layer, kind)), None)


def _draw_matrix(matrix: np.ndarray, path: str) -> np.ndarray:
    """Draws the weights `(outputs, inputs)` of kernels of one pixel."""
    outputs, inputs = matrix.shape
    peak = _peak(matrix)
    return draw_tiles(
        [_shaded(matrix[..., None], peak, _MATRIX_SIDE)],
        [""],
        title=f"{path}: {outputs} x {inputs} kernels of 1x1",
        legend=f"{_scale(peak)}   row: output   column: input",
    )


def _peak(weights: np.ndarray) -> float:
    """Returns the magnitude that is drawn as black or white."""
    return float(np.percentile(np.abs(weights), _WITHIN))


def _scale(peak: float) -> str:
    return f"black: {-peak:.2g}   grey: 0   white: {peak:.2g}"


def _shaded(values: np.ndarray, peak: float, side: int) -> np.ndarray:
    """Converts weights `(h, w, 1 or 3)` to `(…, 3)` uint8, from black at -peak to white at peak."""
    levels = np.clip(0.5 + values / (2 * peak), 0, 1) if peak > 0 else np.full(values.shape, 0.5)
    tile = np.round(255 * levels).astype(np.uint8)
    return magnified(np.repeat(tile, 3 // tile.shape[-1], axis=-1), side)
