"""The base class of the backbones: their normalisation, and loading of weights."""

import os
from typing import Any, Literal, Self, cast, get_args

import keras

from simplebase.dtypes import DTYPES, build_with, dtypes_config
from simplebase.errors import ArgumentError, DataError, first_line
from simplebase.files import require_file
from simplebase.freezing import FROZEN, freeze_layers, frozen_config
from simplebase.geometry import Size
from simplebase.keras_file import read_keras_file
from simplebase.presets.loader import as_preset
from simplebase.presets.preset import Preset

NamedWeights = Literal["auto", "imagenet", "none"]
BackboneWeights = NamedWeights | str | os.PathLike[str]

Padding = Literal["same", "symmetric"]
"""How strided convolutions are padded: as in Keras (more on the right), or as in PyTorch."""


def check_padding(padding: str) -> None:
    """Raises ArgumentError if `padding` is unknown."""
    if padding not in get_args(Padding):
        raise ArgumentError(f"padding must be same or symmetric. Received: {padding!r}.")


class Backbone(keras.Model):
    """Base class of the backbones, which map normalised `(B, H, W, 3)` to `(B, H/32, W/32, C)`.

    Attributes:
        normalisation: the normalisation that the weights expect, a name of
            `simplebase.normalisation`. The class attribute is that of the family's ImageNet
            weights; an instance may override it.
    """

    normalisation: str

    def get_config(self) -> dict[str, Any]:
        """Returns the name, the frozen layers and the dtype policies. Subclasses add arguments."""
        return {"name": self.name, **frozen_config(self), **dtypes_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Backbone":
        """Builds the backbone that `get_config` describes."""
        arguments = {key: value for key, value in config.items() if key not in (DTYPES, FROZEN)}
        backbone = build_with(config.get(DTYPES, {}), lambda: cls(**arguments))
        freeze_layers(backbone, config.get(FROZEN, []))
        return backbone

    @classmethod
    def from_preset(
        cls,
        preset: str | os.PathLike[str] | Preset,
        *,
        input_size: Size | None = None,
        backbone_weights: BackboneWeights = "auto",
    ) -> Self:
        """Builds the backbone of a preset.

        Args:
            preset: a preset's name, the path of a YAML file, or a loaded preset. `Backbone` accepts
                presets with any backbone, a subclass only those with its own.
            input_size: `(H, W)`, each a multiple of 32. The default is the preset's.
            backbone_weights: `auto` (ImageNet weights if they can be downloaded, else random
                weights and a warning), `imagenet` (ImageNet weights or an error), `none` (random
                weights), or the path of a weights file.

        Raises:
            ArgumentError: the preset is unknown or has another backbone, a size is invalid, or
                ImageNet weights were required and cannot be downloaded.
            MissingFileError: a file does not exist.
            DataError: a weights file does not match the backbone.
        """
        # Imported here: `building` imports all backbones, which import this module.
        from simplebase.backbones.building import build_backbone, family

        preset = as_preset(preset)
        kind = family(preset.backbone)
        if not issubclass(kind, cls):
            raise ArgumentError(
                f"preset {preset.name!r} is built with {kind.__name__}, not {cls.__name__}. Call "
                f"{kind.__name__}.from_preset, or choose another preset."
            )
        size = preset.checked_size(input_size)
        return cast(Self, build_backbone(preset.backbone, size, backbone_weights))

    def build_application(self, **arguments: Any) -> keras.Model:
        """Builds the same network with `keras.applications`, with the same layer names and order.

        Args:
            arguments: `weights` and `include_top` for the constructor in `keras.applications`.

        Raises:
            ArgumentError: Keras does not have this network.
        """
        raise ArgumentError(f"keras.applications has no weights for {self.name}.")

    def load_imagenet(self) -> None:
        """Downloads (or takes from Keras's cache) and loads the weights of `keras.applications`.

        Raises:
            ArgumentError: no weights are published for this network, or the download failed.
        """
        try:
            source = self.build_application(weights="imagenet", include_top=False)
        except ArgumentError:
            raise
        except Exception as error:  # Keras raises a bare Exception if a download fails.
            raise ArgumentError(
                f"the ImageNet weights of {self.name} could not be downloaded "
                f"({first_line(error)})."
            ) from error
        self._copy_from(source)

    def load_file(self, path: str | os.PathLike[str]) -> None:
        """Loads a weights file of simplebase, or of `keras.applications` with or without top.

        Raises:
            MissingFileError: `path` is not a file.
            DataError: the file does not match the backbone.
        """
        path = require_file(path, "the backbone weights file")
        failures = []
        for load in (self.load_weights, self._load_headless, self._load_with_classifier):
            try:
                load(path)
                return
            except Exception as error:  # Keras raises many types for a file of another model.
                failures.append(first_line(error))
        own, headless, with_classifier = failures
        raise DataError(
            f"the weights in {path} do not fit {self.name}. Tried as a file of simplebase: {own}; "
            f"of keras.applications without its classifier: {headless}; with it: {with_classifier}."
        )

    def _load_headless(self, path: os.PathLike[str]) -> None:
        source = self.build_application(weights=None, include_top=False)
        source.load_weights(path)
        self._copy_from(source)

    def _load_with_classifier(self, path: os.PathLike[str]) -> None:
        source = self.build_application(weights=None, include_top=True)
        source.load_weights(path)
        self._copy_from(source)

    def _copy_from(self, source: keras.Model) -> None:
        for layer in self.layers:
            if layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())


def load_backbone(path: str | os.PathLike[str]) -> Backbone | None:
    """Loads the backbone in a `.keras` file, without running any code in it.

    Returns None if the file contains another kind of model.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is damaged, or not a `.keras` file.
    """
    path = require_file(path, "the backbone weights file")
    model = read_keras_file(path)
    return model if isinstance(model, Backbone) else None
