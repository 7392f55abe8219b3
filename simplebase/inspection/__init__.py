"""What a model file holds: its metadata, its layers, and pictures of them."""

from simplebase.inspection.feature_maps import write_feature_maps
from simplebase.inspection.kernels import write_kernels
from simplebase.inspection.layers import LayerDescription, describe_layers, find_layer
from simplebase.inspection.model import ModelDescription, inspect_model

__all__ = [
    "LayerDescription",
    "ModelDescription",
    "describe_layers",
    "find_layer",
    "inspect_model",
    "write_feature_maps",
    "write_kernels",
]
