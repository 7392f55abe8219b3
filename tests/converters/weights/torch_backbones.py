"""The ImageNet backbones that are read, each as one project names its parts; needs torch."""

from collections.abc import Callable

from torch import nn
from torch_networks import (
    GhostNet,
    ResNet,
    TimmMobileNetV2,
    TimmMobileNetV3,
    mobilenetv2_torchvision,
    mobilenetv3_torchvision,
    peleenet,
)

BACKBONES: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "resnet50_torchvision": ("resnet50", lambda: ResNet(50, classes=7)),
    "resnet101_torchvision": ("resnet101", lambda: ResNet(101, classes=7)),
    "resnet152_torchvision": ("resnet152", lambda: ResNet(152, classes=7)),
    "mobilenetv2_torchvision": ("mobilenetv2", mobilenetv2_torchvision),
    "mobilenetv2_timm": ("mobilenetv2", TimmMobileNetV2),
    "mobilenetv3large_torchvision": (
        "mobilenetv3large",
        lambda: mobilenetv3_torchvision("large"),
    ),
    "mobilenetv3small_torchvision": (
        "mobilenetv3small",
        lambda: mobilenetv3_torchvision("small"),
    ),
    "mobilenetv3large_timm": ("mobilenetv3large", lambda: TimmMobileNetV3("large")),
    "mobilenetv3small_timm": ("mobilenetv3small", lambda: TimmMobileNetV3("small")),
    "ghostnet_timm": ("ghostnet", GhostNet),
    "peleenet_official": ("peleenet", peleenet),
}
"""By name: our family, and what makes the network."""
