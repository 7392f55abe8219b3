"""Backbone families, one a file; `BACKBONES` maps a preset's name to its class."""

from simplebase.backbones.backbone import Backbone
from simplebase.backbones.mobilenetv2 import MobileNetV2Backbone

BACKBONES: dict[str, type[Backbone]] = {
    "mobilenetv2": MobileNetV2Backbone,
}

__all__ = ["BACKBONES", "Backbone", "MobileNetV2Backbone"]
