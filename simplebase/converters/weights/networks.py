"""The known networks, recognised by tensors that only they have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simplebase.converters.weights import names
from simplebase.converters.weights.checkpoint import Layout, Tensors
from simplebase.errors import DataError

_KERNEL_AXES = 4
# Largest multiple of the full width; the widest with published weights is 1.4.
_WIDEST = 4


@dataclass(frozen=True)
class Network:
    """A backbone in the files of one project.

    Args:
        family: a name of `simplebase.backbones.BACKBONES`; `resnet` for all depths.
        layout: layout of its files.
        marks: a set of tensors that only this network has.
        translate: translates our layer's name to the module in the file.
        width: a tensor, the axis of its output channels, and their number at full width.
        bn_epsilon: epsilon in PyTorch, if it is not the usual one.
        classifier: start of the names of a classifier's tensors.
    """

    family: str
    layout: Layout
    marks: tuple[str, ...]
    translate: names.Translate
    width: tuple[str, int, int] | None = None
    bn_epsilon: float = 1e-5
    classifier: tuple[str, ...] = ()

    def arguments(self, tensors: Tensors, prefix: str) -> dict[str, Any]:
        """Returns the constructor's arguments for the file's depth and width.

        Raises:
            DataError: this depth or width is not possible.
        """
        if self.family == "resnet":
            return _resnet_arguments(tensors, prefix, self.layout)
        if self.width is None:
            return {}
        name, axis, full = self.width
        channels = tensors.shape(prefix + name, _KERNEL_AXES)[axis]
        if not 0 < channels <= _WIDEST * full:
            raise DataError(
                f"{tensors.where}: {prefix}{name} has {channels} output channels, but a "
                f"{self.family} has {full} at full width, and up to {_WIDEST} times as many."
            )
        return {"alpha": channels / full}


def _large_excites(block: int) -> bool:
    return block in (3, 4, 5) or block >= 10


def _small_excites(block: int) -> bool:
    return block == 0 or block >= 3


_FEATURES = ("classifier.",)
_TIMM_HEAD = ("conv_head.", "classifier.")

# The first network with all its marks is chosen, so more specific networks come first.
NETWORKS = (
    Network(
        "resnet",
        "torch",
        ("conv1.weight", "layer1.0.conv3.weight", "layer4.0.conv3.weight"),
        names.resnet_torch,
        classifier=("fc.",),
    ),
    Network(
        "mobilenetv2",
        "torch",
        ("conv1.conv.weight", "layer1.0.conv.0.conv.weight"),
        names.mobilenetv2_mmpose,
        ("layer7.0.conv.2.conv.weight", 0, 320),
    ),
    Network(
        "mobilenetv2",
        "torch",
        ("features.0.0.weight", "features.17.conv.0.0.weight"),
        names.mobilenetv2_torchvision,
        ("features.17.conv.2.weight", 0, 320),
        classifier=_FEATURES,
    ),
    Network(
        "mobilenetv2",
        "torch",
        ("conv_stem.weight", "blocks.6.0.conv_pwl.weight", "conv_head.weight", "bn2.weight"),
        names.mobilenetv2_timm,
        ("blocks.6.0.conv_pwl.weight", 0, 320),
        classifier=_FEATURES,
    ),
    Network(
        "mobilenetv3large",
        "torch",
        ("features.0.0.weight", "features.15.block.0.0.weight"),
        names.mobilenetv3_torchvision(15, _large_excites),
        ("features.15.block.3.0.weight", 0, 160),
        # torchvision uses the value of the paper's TensorFlow code.
        bn_epsilon=1e-3,
        classifier=_FEATURES,
    ),
    Network(
        "mobilenetv3small",
        "torch",
        ("features.0.0.weight", "features.11.block.0.0.weight"),
        names.mobilenetv3_torchvision(11, _small_excites),
        ("features.11.block.3.0.weight", 0, 96),
        bn_epsilon=1e-3,
        classifier=_FEATURES,
    ),
    Network(
        "ghostnet",
        "torch",
        ("conv_stem.weight", "blocks.0.0.ghost1.primary_conv.0.weight"),
        names.ghostnet("."),
        ("blocks.7.0.shortcut.2.weight", 0, 160),
        classifier=_TIMM_HEAD,
    ),
    Network(
        "mobilenetv3large",
        "torch",
        ("conv_stem.weight", "blocks.5.2.conv_pwl.weight", "blocks.6.0.conv.weight"),
        names.mobilenetv3_timm(15),
        ("blocks.5.2.conv_pwl.weight", 0, 160),
        classifier=_TIMM_HEAD,
    ),
    Network(
        "mobilenetv3small",
        "torch",
        ("conv_stem.weight", "blocks.4.2.conv_pwl.weight", "blocks.5.0.conv.weight"),
        names.mobilenetv3_timm(11),
        ("blocks.4.2.conv_pwl.weight", 0, 96),
        classifier=_TIMM_HEAD,
    ),
    Network(
        "peleenet",
        "torch",
        ("features.stemblock.stem1.conv.weight",),
        names.peleenet("features", "."),
        classifier=_FEATURES,
    ),
    Network("resnet", "keras2", ("conv1_conv/kernel", "conv5_block1_3_conv/kernel"), names.same),
    Network(
        "mobilenetv1",
        "keras2",
        ("conv1/kernel", "conv_dw_13/depthwise_kernel"),
        names.same,
        ("conv_pw_13/kernel", 3, 1024),
    ),
    Network(
        "mobilenetv2",
        "keras2",
        ("Conv1/kernel", "block_16_project/kernel"),
        names.same,
        ("block_16_project/kernel", 3, 320),
    ),
    Network(
        "mobilenetv3large",
        "keras2",
        ("Conv/kernel", "expanded_conv_14/project/kernel"),
        names.mobilenetv3_upstream,
        ("expanded_conv_14/project/kernel", 3, 160),
    ),
    Network(
        "mobilenetv3small",
        "keras2",
        ("Conv/kernel", "expanded_conv_10/project/kernel"),
        names.mobilenetv3_upstream,
        ("expanded_conv_10/project/kernel", 3, 96),
    ),
    Network(
        "ghostnet",
        "keras2",
        ("conv_stem/kernel", "blocks_0_0_ghost1_primary_conv_0/kernel"),
        names.ghostnet("_"),
        ("blocks_7_0_shortcut_2/kernel", 3, 160),
    ),
    Network(
        "peleenet",
        "keras2",
        ("bbn_features_stemblock_stem1_conv/kernel",),
        names.peleenet("bbn_features", "_"),
    ),
)

_DEPTHS: dict[tuple[int, ...], int] = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}


def _resnet_arguments(tensors: Tensors, prefix: str, layout: Layout) -> dict[str, Any]:
    torch = layout == "torch"
    first: Callable[[int, int], str] = (
        (lambda stage, block: f"{prefix}layer{stage}.{block - 1}.conv1.weight")
        if torch
        else (lambda stage, block: f"conv{stage + 1}_block{block}_1_conv/kernel")
    )
    blocks = []
    for stage in (1, 2, 3, 4):
        count = 0
        while first(stage, count + 1) in tensors:
            count += 1
        blocks.append(count)
    depth = _DEPTHS.get(tuple(blocks))
    if depth is None:
        raise DataError(
            f"{tensors.where} is a ResNet with {blocks} blocks in its stages; those of ResNet-50, "
            "101 and 152 are known here."
        )
    stem = f"{prefix}conv1.weight" if torch else "conv1_conv/kernel"
    return {"depth": depth, "stem_channels": tensors.shape(stem, _KERNEL_AXES)[0 if torch else -1]}


def find_network(tensors: Tensors, layout: Layout, prefix: str) -> Network | None:
    """Returns the network whose marks, preceded by `prefix`, are in the file."""
    for network in NETWORKS:
        if network.layout == layout and all(prefix + mark in tensors for mark in network.marks):
            return network
    return None
