"""Makes `keras.saving.load_model` open our files after just `import simplebase`.

Keras finds a class of another package only if it is registered, and registering a class takes the
import of Keras, which `import simplebase` avoids. So the names are registered once both are
imported, in either order, and each class is imported when a file asks for it. Importing the class
itself replaces its entry (`keras.saving.register_keras_serializable`).
"""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "simplebase"
"""Prefix of the registered names."""

SERIALIZABLE = {
    "BatchNormalization": "simplebase.layers.batch_norm",
    "Conv2D": "simplebase.layers.convolution",
    "DeconvHead": "simplebase.heads.deconv",
    "GhostNetBackbone": "simplebase.backbones.ghostnet",
    "HeatmapLoss": "simplebase.losses",
    "MobileNetV1Backbone": "simplebase.backbones.mobilenetv1",
    "MobileNetV2Backbone": "simplebase.backbones.mobilenetv2",
    "MobileNetV3LargeBackbone": "simplebase.backbones.mobilenetv3",
    "MobileNetV3SmallBackbone": "simplebase.backbones.mobilenetv3",
    "Normalisation": "simplebase.normalisation",
    "PCK": "simplebase.training.pck",
    "PeleeNetBackbone": "simplebase.backbones.peleenet",
    "ResNetBackbone": "simplebase.backbones.resnet",
    "Schedule": "simplebase.training.optimizer",
    "SeparableConv2D": "simplebase.layers.convolution",
    "SimpleBaseline": "simplebase.estimator",
    "UpSampling2D": "simplebase.layers.upsampling",
    "UpsampleHead": "simplebase.heads.upsample",
    "UpsampleLiteHead": "simplebase.heads.upsample",
}
"""The module of each class that a `.keras` file may contain."""


def register_with_keras() -> None:
    """Registers the names with Keras now if it is imported, else as soon as it is imported."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    else:
        sys.meta_path.insert(0, _KerasFinder())


@dataclass(frozen=True)
class _Deferred:
    """Represents a class until a file needs it; Keras only calls `from_config`."""

    module: str
    name: str

    def from_config(self, config: dict[str, Any]) -> Any:
        """Imports the class and builds the object that `config` describes."""
        return getattr(importlib.import_module(self.module), self.name).from_config(config)


def _register() -> None:
    registered = sys.modules["keras"].saving.get_custom_objects()
    for name, module in SERIALIZABLE.items():
        registered.setdefault(f"{PACKAGE}>{name}", _Deferred(module, name))


class _KerasFinder:
    """Finds Keras through the other finders, and registers our names once it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of Keras; None for any other module."""
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                _register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec
