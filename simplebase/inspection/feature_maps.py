"""Draws the channels of a layer for an image."""

import os

import cv2
import keras
import numpy as np

from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline
from simplebase.images import read_image, write_image
from simplebase.inference import checked_boxes, cut_out
from simplebase.inspection.layers import find_layer
from simplebase.inspection.model import open_network
from simplebase.inspection.pictures import LIMIT, LayerPicture, magnified, require_picture
from simplebase.pose import Box
from simplebase.tiles import draw_tiles

_TILE_SIDE, _IMAGE_SIDE = 136, 256
# Uniform in lightness, so that equal steps look equal, also in grey (https://bids.github.io/colormap).
_COLOURS = cv2.COLORMAP_VIRIDIS


def write_feature_maps(
    model: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    layer: str | None = None,
    box: Box | None = None,
    overwrite: bool = False,
) -> LayerPicture:
    """Draws a layer's strongest channels for an image, beside the image.

    Args:
        model: a Keras model file.
        source: an image file.
        output: an image file to write.
        layer: name or path of the layer. The default is the last layer of the backbone.
        box: x, y, width, height of the object in pixels. The default is the whole image.
        overwrite: replace `output` if it exists.

    Raises:
        ArgumentError: `layer` is not in the model or has no maps, the model's format has no layers,
            `box` lies outside the image, or `output` is not an image.
        MissingFileError, DataError: `model` or `source` is missing or invalid.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    require_picture(output, overwrite=overwrite)
    network = open_network(model)
    image = read_image(source, network.metadata.depth_range)
    boxes = checked_boxes(image, None if box is None else [box])
    path, _ = find_layer(network, layer or network.backbone.layers[-1].name)
    crops, _ = cut_out(image, boxes, network.metadata)
    maps = feature_maps(network, path, crops)[0]
    write_image(output, draw_feature_maps(crops[0], maps, path), overwrite=overwrite)
    return LayerPicture(path, min(maps.shape[-1], LIMIT), maps.shape[-1])


def feature_maps(model: SimpleBaseline, path: str, crops: np.ndarray) -> np.ndarray:
    """Returns the output `(B, h, w, C)` float32 of a layer for `crops` `(B, H, W, 3)`.

    Args:
        model: the model.
        path: path of the layer, see `find_layer`.
        crops: uint8 RGB.

    Raises:
        ArgumentError: the layer's output has another number of axes.
    """
    _, layer = find_layer(model, path)
    shape = layer.output.shape
    if len(shape) != 4:
        raise ArgumentError(
            f"layer {path!r} has no feature maps (h, w, C); its output is {tuple(shape[1:])}. "
            "Choose another layer."
        )
    within, _, name = path.rpartition("/")
    # The model's graph does not include its parts' inner layers, so the parts are called in turn.
    values = crops
    for part in model.layers[1:]:
        if part.name == within:
            to_layer = keras.Model(part.input, part.get_layer(name).output)
            return np.asarray(to_layer(values, training=False), np.float32)
        values = part(values, training=False)
        if part.name == path:
            break
    return np.asarray(values, np.float32)


def strongest_channels(maps: np.ndarray) -> np.ndarray:
    """Sorts the channels of `(h, w, C)` by how much they vary over the image; returns indices.

    A constant channel, even with a large value, says nothing about the image. Among constant
    channels, as in maps of one cell, the larger ones come first.
    """
    return np.lexsort([-np.abs(maps).mean(axis=(0, 1)), -maps.std(axis=(0, 1))])


def draw_feature_maps(crop: np.ndarray, maps: np.ndarray, path: str) -> np.ndarray:
    """Draws a sheet of the strongest channels, at most `LIMIT`, beside the image.

    Args:
        crop: `(H, W, 3)` uint8, the model's input.
        maps: `(h, w, C)`.
        path: path of the layer, for the title.

    Returns:
        `(height, width, 3)` uint8.
    """
    height, width, total = maps.shape
    chosen = strongest_channels(maps)[:LIMIT]
    count = f"{len(chosen)} strongest of {total}" if total > LIMIT else f"{total}"
    return draw_tiles(
        [_coloured(maps[..., channel]) for channel in chosen],
        [_caption(channel, maps[..., channel]) for channel in chosen],
        title=f"{path}: {count} channels, each {height}x{width}",
        legend="each from its lowest value (dark blue) to its highest (yellow)   below: channel, "
        "lowest to highest   order: standard deviation",
        beside=magnified(crop, _IMAGE_SIDE),
    )


def _coloured(values: np.ndarray) -> np.ndarray:
    lowest, highest = values.min(), values.max()
    spread = highest - lowest
    levels = np.zeros(values.shape) if spread == 0 else (values - lowest) / spread
    tile = magnified(np.round(255 * levels).astype(np.uint8), _TILE_SIDE)
    return cv2.cvtColor(cv2.applyColorMap(tile, _COLOURS), cv2.COLOR_BGR2RGB)


def _caption(channel: int, values: np.ndarray) -> str:
    return f"{channel}   {_number(values.min())} to {_number(values.max())}"


def _number(value: float) -> str:
    """Formats with two digits, and without leading zeros in the exponent."""
    return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")
