"""Backbone families, one per module. `BACKBONES` maps a preset's name to its constructor."""

from collections.abc import Callable
from functools import partial

from simplebase.backbones.backbone import (
    Backbone,
    BackboneWeights,
    NamedWeights,
    load_backbone,
)
from simplebase.backbones.ghostnet import GhostNetBackbone
from simplebase.backbones.mobilenetv1 import MobileNetV1Backbone
from simplebase.backbones.mobilenetv2 import MobileNetV2Backbone
from simplebase.backbones.mobilenetv3 import MobileNetV3LargeBackbone, MobileNetV3SmallBackbone
from simplebase.backbones.peleenet import PeleeNetBackbone
from simplebase.backbones.resnet import ResNetBackbone

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "ghostnet": GhostNetBackbone,
    "mobilenetv1": MobileNetV1Backbone,
    "mobilenetv2": MobileNetV2Backbone,
    "mobilenetv3large": MobileNetV3LargeBackbone,
    "mobilenetv3small": MobileNetV3SmallBackbone,
    "peleenet": PeleeNetBackbone,
    "resnet50": partial(ResNetBackbone, depth=50),
    "resnet101": partial(ResNetBackbone, depth=101),
    "resnet152": partial(ResNetBackbone, depth=152),
}

__all__ = [
    "BACKBONES",
    "Backbone",
    "BackboneWeights",
    "GhostNetBackbone",
    "MobileNetV1Backbone",
    "MobileNetV2Backbone",
    "MobileNetV3LargeBackbone",
    "MobileNetV3SmallBackbone",
    "NamedWeights",
    "PeleeNetBackbone",
    "ResNetBackbone",
    "load_backbone",
]
