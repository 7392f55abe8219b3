"""Translates the names of our backbones' layers to those of other projects.

Each function takes the name of one of our layers and returns the module with its weights. Blocks
are numbered as in the papers' tables.
"""

import re
from collections.abc import Callable

Translate = Callable[[str], str]

# Blocks per stage in torchvision, timm and MMPose.
_MOBILENETV2_STAGES = (1, 2, 3, 4, 3, 3, 1)
_MOBILENETV3_STAGES = {15: (1, 2, 3, 4, 2, 3), 11: (1, 2, 3, 2, 3)}
_GHOSTNET_STAGES = (1, 1, 1, 1, 1, 1, 5, 1, 4)

_PELEENET_BRANCHES = {
    "near1": "branch1a",
    "near2": "branch1b",
    "far1": "branch2a",
    "far2": "branch2b",
    "far3": "branch2c",
}


def same(name: str) -> str:
    """Keras's own networks."""
    return name


def resnet_torch(name: str) -> str:
    """The official code, MMPose, torchvision and timm: `layer1.0.conv1`."""
    ends = {"conv1_conv": "conv1", "conv1_bn": "bn1"}
    if name in ends:
        return ends[name]
    stage, block, number, kind = _match(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", name)
    module = f"layer{int(stage) - 1}.{int(block) - 1}"
    if number == "0":
        return f"{module}.downsample.{0 if kind == 'conv' else 1}"
    return f"{module}.{kind}{number}"


def mobilenetv2_torchvision(name: str) -> str:
    """`features.2.conv.0.0`: a convolution and its BatchNorm are 0 and 1 of a pair."""
    ends = {"Conv1": "0.0", "bn_Conv1": "0.1", "Conv_1": "18.0", "Conv_1_bn": "18.1"}
    if name in ends:
        return f"features.{ends[name]}"
    block, part, norm = _mobilenetv2_block(name)
    first = 0 if block == 0 else 1
    module = f"features.{block + 1}.conv"
    if part == "project":
        return f"{module}.{first + 1 + norm}"
    return f"{module}.{0 if part == 'expand' else first}.{norm}"


def mobilenetv2_timm(name: str) -> str:
    """`blocks.1.0.conv_pw`: stages, and blocks in them."""
    ends = {"Conv1": "conv_stem", "bn_Conv1": "bn1", "Conv_1": "conv_head", "Conv_1_bn": "bn2"}
    if name in ends:
        return ends[name]
    block, part, norm = _mobilenetv2_block(name)
    return f"blocks.{_place(block, _MOBILENETV2_STAGES)}.{_timm_part(block > 0, part, norm)}"


def mobilenetv2_mmpose(name: str) -> str:
    """`layer2.0.conv.1.bn`: stages from 1, and pairs of `conv` and `bn`."""
    ends = {
        "Conv1": "conv1.conv",
        "bn_Conv1": "conv1.bn",
        "Conv_1": "conv2.conv",
        "Conv_1_bn": "conv2.bn",
    }
    if name in ends:
        return ends[name]
    block, part, norm = _mobilenetv2_block(name)
    stage, inner = _place(block, _MOBILENETV2_STAGES).split(".")
    parts = ("depthwise", "project") if block == 0 else ("expand", "depthwise", "project")
    return f"layer{int(stage) + 1}.{inner}.conv.{parts.index(part)}.{'bn' if norm else 'conv'}"


def mobilenetv3_upstream(name: str) -> str:
    """The tf.keras project: slashes where Keras 3 has underscores."""
    if name in ("conv", "conv_bn", "conv_1", "conv_1_bn"):
        stem = name.removesuffix("_bn").capitalize()
        return f"{stem}/BatchNorm" if name.endswith("_bn") else stem
    block, part, norm = _mobilenetv3_block(name)
    prefix = f"expanded_conv_{block}" if block else "expanded_conv"
    if part.startswith("squeeze_excite"):
        return f"{prefix}/squeeze_excite/{'Conv_1' if part.endswith('2') else 'Conv'}"
    if norm:
        return f"{prefix}/{part}/BatchNorm"
    return f"{prefix}/depthwise/Conv" if part == "depthwise" else f"{prefix}/{part}"


def mobilenetv3_torchvision(blocks: int, expanded: Callable[[int], bool]) -> Translate:
    """`features.4.block.2.fc1`.

    Args:
        blocks: 15 (large) or 11 (small).
        expanded: whether the block of a number has squeeze and excitation.
    """

    def translate(name: str) -> str:
        if name in ("conv", "conv_bn"):
            return f"features.0.{int(name == 'conv_bn')}"
        if name in ("conv_1", "conv_1_bn"):
            return f"features.{blocks + 1}.{int(name == 'conv_1_bn')}"
        block, part, norm = _mobilenetv3_block(name)
        parts = ["expand"] if block else []
        parts += ["depthwise", "squeeze_excite", "project"]
        if not expanded(block):
            parts.remove("squeeze_excite")
        if part.startswith("squeeze_excite"):
            return f"features.{block + 1}.block.{parts.index('squeeze_excite')}.fc{part[-1]}"
        return f"features.{block + 1}.block.{parts.index(part)}.{norm}"

    return translate


def mobilenetv3_timm(blocks: int) -> Translate:
    """`blocks.2.0.se.conv_reduce`; `blocks` is 15 (large) or 11 (small)."""
    stages = _MOBILENETV3_STAGES[blocks]
    ends = {
        "conv": "conv_stem",
        "conv_bn": "bn1",
        "conv_1": f"blocks.{len(stages)}.0.conv",
        "conv_1_bn": f"blocks.{len(stages)}.0.bn1",
    }

    def translate(name: str) -> str:
        if name in ends:
            return ends[name]
        block, part, norm = _mobilenetv3_block(name)
        module = f"blocks.{_place(block, stages)}"
        if part.startswith("squeeze_excite"):
            return f"{module}.se.conv_{'reduce' if part[-1] == '1' else 'expand'}"
        return f"{module}.{_timm_part(block > 0, part, norm)}"

    return translate


def ghostnet(joint: str) -> Translate:
    """The authors' and timm's: `blocks.1.0.ghost1.primary_conv.0`; upstream joins by `_`."""
    ends = {
        "stem_conv": "conv_stem",
        "stem_bn": "bn1",
        "last_conv": joint.join(("blocks", "9", "0", "conv")),
        "last_bn": joint.join(("blocks", "9", "0", "bn1")),
    }
    parts = {
        "ghost1_primary": ("ghost1", "primary_conv", "{norm}"),
        "ghost1_cheap": ("ghost1", "cheap_operation", "{norm}"),
        "ghost2_primary": ("ghost2", "primary_conv", "{norm}"),
        "ghost2_cheap": ("ghost2", "cheap_operation", "{norm}"),
        "middle": ("{kind}_dw",),
        "shortcut1": ("shortcut", "{norm}"),
        "shortcut2": ("shortcut", "{later}"),
    }

    def translate(name: str) -> str:
        if name in ends:
            return ends[name]
        number, rest = _match(r"block(\d+)_(.+)", name)
        place = _place(int(number) - 1, _GHOSTNET_STAGES).split(".")
        if rest in ("se_reduce", "se_expand"):
            return joint.join(("blocks", *place, "se", f"conv_{rest[3:]}"))
        part, kind = _match(r"(.+)_(conv|dwconv|bn)", rest)
        norm = int(kind == "bn")
        values = {"norm": norm, "later": norm + 2, "kind": "bn" if norm else "conv"}
        return joint.join(("blocks", *place, *(each.format(**values) for each in parts[part])))

    return translate


def peleenet(prefix: str, joint: str) -> Translate:
    """The authors': `features.denseblock1.denselayer1.branch1a.conv`; upstream joins by `_`."""

    def translate(name: str) -> str:
        unit, kind = _match(r"(.+)_(conv|bn)", name)
        path: tuple[str, ...]
        if unit.startswith("stem"):
            path = ("stemblock", unit)
        elif unit.startswith("transition"):
            path = (unit,)
        else:
            stage, layer, branch = _match(r"stage(\d)_layer(\d+)_(\w+)", unit)
            path = (f"denseblock{stage}", f"denselayer{layer}", _PELEENET_BRANCHES[branch])
        return joint.join((prefix, *path, "norm" if kind == "bn" else "conv"))

    return translate


def _mobilenetv2_block(name: str) -> tuple[int, str, int]:
    """Returns the number of the block, its part, and 1 if it is the part's BatchNorm."""
    block, part, norm = _match(r"(expanded_conv|block_\d+)_(expand|depthwise|project)(_BN)?", name)
    number = 0 if block == "expanded_conv" else int(block.removeprefix("block_"))
    return number, part, int(bool(norm))


def _mobilenetv3_block(name: str) -> tuple[int, str, int]:
    """Like `_mobilenetv2_block`; squeeze and excitation are `squeeze_excite1` and `2`."""
    number, part, norm = _match(
        r"expanded_conv(?:_(\d+))?_(expand|depthwise|project|squeeze_excite_conv(?:_1)?)(_bn)?",
        name,
    )
    if part.startswith("squeeze_excite"):
        part = "squeeze_excite2" if part.endswith("_1") else "squeeze_excite1"
    return int(number or 0), part, int(bool(norm))


def _timm_part(expands: bool, part: str, norm: int) -> str:
    """Returns timm's name: BatchNorms are numbered, and a projection is `conv_pwl` or `conv_pw`."""
    parts = ("expand", "depthwise", "project") if expands else ("depthwise", "project")
    if norm:
        return f"bn{parts.index(part) + 1}"
    last = "conv_pwl" if expands else "conv_pw"
    return {"expand": "conv_pw", "depthwise": "conv_dw", "project": last}[part]


def _place(block: int, stages: tuple[int, ...]) -> str:
    """Converts a consecutive block number to `stage.block`, all from 0."""
    for stage, count in enumerate(stages):
        if block < count:
            return f"{stage}.{block}"
        block -= count
    raise ValueError(f"block {block} beyond the last stage")


def _match(pattern: str, name: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, name)
    if found is None:
        raise ValueError(f"a layer {name} that has no translation")
    return found.groups()
