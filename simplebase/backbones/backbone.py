"""What every backbone has: a normalisation, and ways to start from ImageNet."""

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
"""How strided convolutions are padded: as Keras does, more on the right, or as PyTorch does."""


def check_padding(padding: str) -> None:
    """Refuses a padding that is neither of the two."""
    if padding not in get_args(Padding):
        raise ArgumentError(f"padding is same or symmetric. Received: {padding!r}.")


class Backbone(keras.Model):
    """Base of the backbone families: `(B, H, W, 3)` normalised to `(B, H/32, W/32, C)`.

    Attributes:
        normalisation: what its weights expect, a name of `simplebase.normalisation`. A class says
            what its family's ImageNet weights do, an object what those do that it was made for.
    """

    normalisation: str

    def get_config(self) -> dict[str, Any]:
        """The name, what is frozen, and dtype policies. A class adds its arguments."""
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
            preset: a name, the path of a YAML, or a loaded preset. On `Backbone`, it may have any
                family of backbones.
            input_size: `(H, W)`, each a multiple of 32; by default the preset's.
            backbone_weights: `auto`: ImageNet weights if they can be downloaded, else a warning;
                `imagenet`: or an error; `none`: random weights; else the path of a weights file.

        Raises:
            ArgumentError: an unknown preset, one of another family, a wrong size, or ImageNet
                weights that cannot be downloaded.
            MissingFileError: a path is not a file.
            DataError: a file does not fit.
        """
        # It knows all families, which import this module.
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
        """Builds the same network by `keras.applications`, with the same layer names and order.

        Args:
            arguments: `weights` and `include_top`, as `keras.applications` takes them.

        Raises:
            ArgumentError: Keras has no such network.
        """
        raise ArgumentError(f"keras.applications has no weights for {self.name}.")

    def load_imagenet(self) -> None:
        """Fetches the ImageNet weights of `keras.applications` (cached by Keras) and takes them.

        Raises:
            ArgumentError: none are published for this network, or they cannot be had here.
        """
        try:
            source = self.build_application(weights="imagenet", include_top=False)
        except ArgumentError:
            raise
        except Exception as error:  # Keras reports a failed download by a bare Exception.
            raise ArgumentError(
                f"the ImageNet weights of {self.name} could not be fetched ({first_line(error)})."
            ) from error
        self._copy_from(source)

    def load_file(self, path: str | os.PathLike[str]) -> None:
        """Takes the weights of a file: ours, or one of `keras.applications` with or without top.

        Raises:
            MissingFileError: `path` is not a file.
            DataError: the file does not fit.
        """
        path = require_file(path, "the backbone weights file")
        failures = []
        for load in (self.load_weights, self._load_headless, self._load_with_classifier):
            try:
                load(path)
                return
            except Exception as error:  # Keras raises many kinds on a file of another model.
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
    """The backbone that a `.keras` file holds, without running any code in it; None if another.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is no `.keras` file, or a damaged one.
    """
    path = require_file(path, "the backbone weights file")
    model = read_keras_file(path)
    return model if isinstance(model, Backbone) else None
