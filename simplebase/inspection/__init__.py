"""Inspects a model file: its metadata, its layers, and pictures of them.

The names below import their modules when they are first used, because only Keras models, whose
layers can be inspected, need TensorFlow.
"""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "LayerDescription": "simplebase.inspection.layers",
    "ModelDescription": "simplebase.inspection.model",
    "describe_layers": "simplebase.inspection.layers",
    "find_layer": "simplebase.inspection.layers",
    "inspect_model": "simplebase.inspection.model",
    "write_feature_maps": "simplebase.inspection.feature_maps",
    "write_kernels": "simplebase.inspection.kernels",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.inspection.feature_maps import write_feature_maps as write_feature_maps
    from simplebase.inspection.kernels import write_kernels as write_kernels
    from simplebase.inspection.layers import LayerDescription as LayerDescription
    from simplebase.inspection.layers import describe_layers as describe_layers
    from simplebase.inspection.layers import find_layer as find_layer
    from simplebase.inspection.model import ModelDescription as ModelDescription
    from simplebase.inspection.model import inspect_model as inspect_model

__getattr__ = lazy_names(__name__, _PUBLIC)
