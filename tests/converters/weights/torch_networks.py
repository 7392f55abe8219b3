"""Networks of the papers in plain PyTorch, their modules called as each project calls them.

They are what the converter is measured against: written from the papers, without any of our own
code, and only imported where torch is installed.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import nn

RESNET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Padded by half the kernel on every side, as PyTorch's networks are; no bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 to four times the channels (He et al., 1512.03385)."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * channels
        self.conv1, self.bn1 = conv(inputs, channels, 1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv(channels, channels, 3, stride), nn.BatchNorm2d(channels)
        self.conv3, self.bn3 = conv(channels, outputs, 1), nn.BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class ResNet(nn.Module):
    """Keys as the official code, MMPose, torchvision and timm have them."""

    def __init__(self, depth: int, stem: int = 64, classes: int = 0) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem)
        inputs = stem
        for stage, blocks in enumerate(RESNET_BLOCKS[depth]):
            layers = []
            for block in range(blocks):
                channels = stem * 2**stage
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Bottleneck(inputs, channels, stride))
                inputs = 4 * channels
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.outputs = inputs
        if classes:
            self.fc = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def deconvolutions(inputs: int, channels: Sequence[int], keypoints: int) -> dict[str, nn.Module]:
    """The head of Simple Baselines (Xiao et al., 1804.06208)."""
    layers: list[nn.Module] = []
    for outputs in channels:
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
        inputs = outputs
    final = nn.Conv2d(inputs, keypoints, 1)
    return {"deconv_layers": nn.Sequential(*layers), "final_layer": final}


class PoseResNet(ResNet):
    """The official code's network: backbone and head in one module."""

    def __init__(
        self, depth: int, keypoints: int, stem: int = 64, channels: Sequence[int] = (256,) * 3
    ) -> None:
        super().__init__(depth, stem)
        for name, module in deconvolutions(self.outputs, channels, keypoints).items():
            setattr(self, name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.final_layer(self.deconv_layers(super().forward(x)))


class MMPoseModel(nn.Module):
    """MMPose's top-down model: `backbone.` and `head.` or, before 1.0, `keypoint_head.`."""

    def __init__(
        self,
        backbone: nn.Module,
        keypoints: int,
        channels: Sequence[int] = (256,) * 3,
        head: str = "head",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head_name = head
        parts = deconvolutions(backbone.outputs, channels, keypoints)
        setattr(self, head, nn.ModuleDict(parts))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = getattr(self, self.head_name)
        return head["final_layer"](head["deconv_layers"](self.backbone(x)))


def _divisible(channels: float, divisor: int = 8) -> int:
    """The nearest multiple that is not a tenth below (Howard et al., code of MobileNet)."""
    found = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * channels else found


# Sandler et al., 1801.04381, table 2: expansion, channels, blocks, stride.
MOBILENETV2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _Unit(nn.Sequential):
    """Convolution, BatchNorm and activation, named as asked."""

    def __init__(
        self,
        convolution: nn.Conv2d,
        activation: nn.Module | None,
        names: tuple[str, str] = ("0", "1"),
    ) -> None:
        norm = nn.BatchNorm2d(convolution.out_channels)
        parts = [(names[0], convolution), (names[1], norm)]
        super().__init__(OrderedDict(parts + ([("act", activation)] if activation else [])))


class MMPoseInvertedResidual(nn.Module):
    """`conv.0.conv`, `conv.0.bn`, ..."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden, names = inputs * expansion, ("conv", "bn")
        units = [] if expansion == 1 else [_Unit(conv(inputs, hidden, 1), nn.ReLU6(), names)]
        units.append(_Unit(conv(hidden, hidden, 3, stride, hidden), nn.ReLU6(), names))
        units.append(_Unit(conv(hidden, outputs, 1), None, names))
        self.conv = nn.Sequential(*units)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MMPoseMobileNetV2(nn.Module):
    """`conv1.conv`, `layer1.0.conv.0.conv`, ..., `conv2.bn`."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        inputs = _divisible(32 * width)
        self.conv1 = _Unit(conv(3, inputs, 3, 2), nn.ReLU6(), ("conv", "bn"))
        for stage, (expansion, channels, blocks, stride) in enumerate(MOBILENETV2, start=1):
            layers = []
            for block in range(blocks):
                outputs = _divisible(channels * width)
                step = stride if block == 0 else 1
                layers.append(MMPoseInvertedResidual(inputs, outputs, expansion, step))
                inputs = outputs
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.outputs = int(1280 * max(width, 1.0))
        self.conv2 = _Unit(conv(inputs, self.outputs, 1), nn.ReLU6(), ("conv", "bn"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        for stage in range(1, 8):
            x = getattr(self, f"layer{stage}")(x)
        return self.conv2(x)


class _Excite(nn.Module):
    """Squeeze and excitation with a hard sigmoid."""

    def __init__(self, channels: int, squeezed: int, names: tuple[str, str]) -> None:
        super().__init__()
        self.names = names
        setattr(self, names[0], nn.Conv2d(channels, squeezed, 1))
        setattr(self, names[1], nn.Conv2d(squeezed, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = getattr(self, self.names[0])(x.mean((2, 3), keepdim=True)).relu()
        return x * nn.functional.hardsigmoid(getattr(self, self.names[1])(gate))


class InvertedResidual(nn.Module):
    """A block of MobileNetV2 or V3, as torchvision or timm name its parts.

    Args:
        kind: `torchvision2`, `torchvision3` or `timm`.
        eps: of its BatchNorms.
    """

    def __init__(
        self,
        kind: str,
        inputs: int,
        hidden: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        excites: bool = False,
        expands: bool = True,
        activation: Callable[[], nn.Module] = nn.ReLU6,
    ) -> None:
        super().__init__()
        self.adds = stride == 1 and inputs == outputs
        self.timm = kind == "timm"
        depthwise = conv(hidden, hidden, kernel, stride, hidden)
        project = conv(hidden, outputs, 1)
        squeezed = _divisible(hidden / 4)
        if self.timm:
            self._name_as_timm(inputs, hidden, depthwise, project, expands, activation)
            self.se = (
                _Excite(hidden, squeezed, ("conv_reduce", "conv_expand"))
                if excites
                else nn.Identity()
            )
            return
        units: list[nn.Module] = []
        if expands:
            units.append(_Unit(conv(inputs, hidden, 1), activation()))
        units.append(_Unit(depthwise, activation()))
        if excites:
            units.append(_Excite(hidden, squeezed, ("fc1", "fc2")))
        if kind == "torchvision2":
            units += [project, nn.BatchNorm2d(outputs)]
            self.conv = nn.Sequential(*units)
        else:
            units.append(_Unit(project, None))
            self.block = nn.Sequential(*units)

    def _name_as_timm(self, inputs, hidden, depthwise, project, expands, activation) -> None:
        self.activation, self.expands = activation(), expands
        self.conv_dw = depthwise
        if expands:
            self.conv_pw, self.bn1 = conv(inputs, hidden, 1), nn.BatchNorm2d(hidden)
            self.bn2 = nn.BatchNorm2d(hidden)
            self.conv_pwl, self.bn3 = project, nn.BatchNorm2d(project.out_channels)
        else:
            self.bn1 = nn.BatchNorm2d(hidden)
            self.conv_pw, self.bn2 = project, nn.BatchNorm2d(project.out_channels)

    def _forward_timm(self, x: torch.Tensor) -> torch.Tensor:
        if not self.expands:
            x = self.se(self.activation(self.bn1(self.conv_dw(x))))
            return self.bn2(self.conv_pw(x))
        x = self.activation(self.bn1(self.conv_pw(x)))
        x = self.se(self.activation(self.bn2(self.conv_dw(x))))
        return self.bn3(self.conv_pwl(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.timm:
            y = self._forward_timm(x)
        else:
            y = self.conv(x) if hasattr(self, "conv") else self.block(x)
        return x + y if self.adds else y


def mobilenetv2_torchvision(classes: int = 7) -> nn.Module:
    """`features.0.0`, `features.1.conv.0.0`, ..., `classifier.1`."""
    inputs = 32
    layers: list[nn.Module] = [_Unit(conv(3, inputs, 3, 2), nn.ReLU6())]
    for expansion, channels, blocks, stride in MOBILENETV2:
        for block in range(blocks):
            layers.append(
                InvertedResidual(
                    "torchvision2",
                    inputs,
                    inputs * expansion,
                    channels,
                    stride=stride if block == 0 else 1,
                    expands=expansion != 1,
                )
            )
            inputs = channels
    layers.append(_Unit(conv(inputs, 1280, 1), nn.ReLU6()))
    classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))
    return _Features(nn.Sequential(*layers), classifier)


class _Features(nn.Module):
    """`features` and a `classifier`, of which only the features are asked for."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x)


# Howard et al., 1905.02244, tables 1 and 2:
# kernel, expanded, out, squeeze and excite, hard swish, stride.
MOBILENETV3 = {
    "large": (
        (3, 16, 16, False, False, 1),
        (3, 64, 24, False, False, 2),
        (3, 72, 24, False, False, 1),
        (5, 72, 40, True, False, 2),
        (5, 120, 40, True, False, 1),
        (5, 120, 40, True, False, 1),
        (3, 240, 80, False, True, 2),
        (3, 200, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 480, 112, True, True, 1),
        (3, 672, 112, True, True, 1),
        (5, 672, 160, True, True, 2),
        (5, 960, 160, True, True, 1),
        (5, 960, 160, True, True, 1),
    ),
    "small": (
        (3, 16, 16, True, False, 2),
        (3, 72, 24, False, False, 2),
        (3, 88, 24, False, False, 1),
        (5, 96, 40, True, True, 2),
        (5, 240, 40, True, True, 1),
        (5, 240, 40, True, True, 1),
        (5, 120, 48, True, True, 1),
        (5, 144, 48, True, True, 1),
        (5, 288, 96, True, True, 2),
        (5, 576, 96, True, True, 1),
        (5, 576, 96, True, True, 1),
    ),
}
_TIMM_STAGES = {"large": (1, 2, 3, 4, 2, 3), "small": (1, 2, 3, 2, 3)}


def _mobilenetv3_blocks(size: str, kind: str) -> list[nn.Module]:
    inputs, blocks = 16, []
    for number, (kernel, hidden, outputs, excites, swish, stride) in enumerate(MOBILENETV3[size]):
        blocks.append(
            InvertedResidual(
                kind,
                inputs,
                hidden,
                outputs,
                kernel,
                stride,
                excites,
                expands=number > 0,
                activation=nn.Hardswish if swish else nn.ReLU,
            )
        )
        inputs = outputs
    return blocks


def mobilenetv3_torchvision(size: str) -> nn.Module:
    """`features.0.0`, `features.1.block.0.0`, ...; its BatchNorms have an epsilon of 1e-3."""
    blocks = _mobilenetv3_blocks(size, "torchvision3")
    last = MOBILENETV3[size][-1][2]
    features = nn.Sequential(
        _Unit(conv(3, 16, 3, 2), nn.Hardswish()),
        *blocks,
        _Unit(conv(last, 6 * last, 1), nn.Hardswish()),
    )
    classifier = nn.Sequential(nn.Linear(6 * last, 8), nn.Hardswish(), nn.Linear(8, 7))
    model = _Features(features, classifier)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    return model


class TimmMobileNetV3(nn.Module):
    """`conv_stem`, `bn1`, `blocks.0.0.conv_dw`, ..., `conv_head`, `classifier`."""

    def __init__(self, size: str) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = conv(3, 16, 3, 2), nn.BatchNorm2d(16)
        blocks = iter(_mobilenetv3_blocks(size, "timm"))
        stages = [
            nn.Sequential(*(next(blocks) for _ in range(count))) for count in _TIMM_STAGES[size]
        ]
        last = MOBILENETV3[size][-1][2]
        unit = _Unit(conv(last, 6 * last, 1), nn.Hardswish(), ("conv", "bn1"))
        self.blocks = nn.Sequential(*stages, nn.Sequential(unit))
        self.conv_head, self.classifier = nn.Conv2d(6 * last, 8, 1), nn.Linear(8, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(nn.functional.hardswish(self.bn1(self.conv_stem(x))))


class TimmMobileNetV2(nn.Module):
    """`conv_stem`, `bn1`, `blocks.1.0.conv_pw`, ..., `conv_head`, `bn2`, `classifier`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = conv(3, 32, 3, 2), nn.BatchNorm2d(32)
        inputs, stages = 32, []
        for expansion, channels, blocks, stride in MOBILENETV2:
            layers = []
            for block in range(blocks):
                step, hidden = (stride if block == 0 else 1), inputs * expansion
                layers.append(
                    InvertedResidual(
                        "timm", inputs, hidden, channels, stride=step, expands=expansion != 1
                    )
                )
                inputs = channels
            stages.append(nn.Sequential(*layers))
        self.blocks = nn.Sequential(*stages)
        self.conv_head, self.bn2 = conv(inputs, 1280, 1), nn.BatchNorm2d(1280)
        self.classifier = nn.Linear(1280, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(nn.functional.relu6(self.bn1(self.conv_stem(x))))
        return nn.functional.relu6(self.bn2(self.conv_head(x)))


class GhostModule(nn.Module):
    """Half of the channels by a convolution, half from those (Han et al., 1911.11907)."""

    def __init__(self, inputs: int, outputs: int, relu: bool) -> None:
        super().__init__()
        half, activation = outputs // 2, nn.ReLU if relu else nn.Identity
        self.primary_conv = nn.Sequential(conv(inputs, half, 1), nn.BatchNorm2d(half), activation())
        self.cheap_operation = nn.Sequential(
            conv(half, half, 3, groups=half), nn.BatchNorm2d(half), activation()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        primary = self.primary_conv(x)
        return torch.cat([primary, self.cheap_operation(primary)], 1)


class GhostBottleneck(nn.Module):
    """Two ghost modules, a depthwise convolution between them where the stride is 2."""

    def __init__(self, kernel, inputs, hidden, outputs, excites, stride) -> None:
        super().__init__()
        self.ghost1 = GhostModule(inputs, hidden, True)
        if stride > 1:
            self.conv_dw = conv(hidden, hidden, kernel, stride, hidden)
            self.bn_dw = nn.BatchNorm2d(hidden)
        if excites:
            squeezed = _divisible(hidden / 4, 4)
            self.se = _Excite(hidden, squeezed, ("conv_reduce", "conv_expand"))
        self.ghost2 = GhostModule(hidden, outputs, False)
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                conv(inputs, inputs, kernel, stride, inputs),
                nn.BatchNorm2d(inputs),
                conv(inputs, outputs, 1),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.ghost1(x)
        if hasattr(self, "conv_dw"):
            y = self.bn_dw(self.conv_dw(y))
        if hasattr(self, "se"):
            y = self.se(y)
        y = self.ghost2(y)
        return y + (self.shortcut(x) if hasattr(self, "shortcut") else x)


# Table 1: kernel, expanded, out, squeeze and excite, stride; in timm's stages.
GHOSTNET = (
    ((3, 16, 16, False, 1),),
    ((3, 48, 24, False, 2),),
    ((3, 72, 24, False, 1),),
    ((5, 72, 40, True, 2),),
    ((5, 120, 40, True, 1),),
    ((3, 240, 80, False, 2),),
    (
        (3, 200, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 480, 112, True, 1),
        (3, 672, 112, True, 1),
    ),
    ((5, 672, 160, True, 2),),
    (
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
    ),
)


class GhostNet(nn.Module):
    """Keys as the authors and timm have them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = conv(3, 16, 3, 2), nn.BatchNorm2d(16)
        inputs, stages = 16, []
        for rows in GHOSTNET:
            layers = []
            for kernel, hidden, outputs, excites, stride in rows:
                layers.append(GhostBottleneck(kernel, inputs, hidden, outputs, excites, stride))
                inputs = outputs
            stages.append(nn.Sequential(*layers))
        unit = _Unit(conv(inputs, 960, 1), nn.ReLU(), ("conv", "bn1"))
        self.blocks = nn.Sequential(*stages, nn.Sequential(unit))
        self.conv_head, self.classifier = nn.Conv2d(960, 8, 1), nn.Linear(8, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.bn1(self.conv_stem(x)).relu())


class PeleeUnit(nn.Module):
    """Convolution `conv`, BatchNorm `norm`, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv, self.norm = conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu()


class PeleeDenseLayer(nn.Module):
    """Two ways, of one and of two 3x3 convolutions (Wang et al., 1804.06882)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branch1a, self.branch1b = PeleeUnit(inputs, width, 1), PeleeUnit(width, 16, 3)
        self.branch2a, self.branch2b = PeleeUnit(inputs, width, 1), PeleeUnit(width, 16, 3)
        self.branch2c = PeleeUnit(16, 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near = self.branch1b(self.branch1a(x))
        far = self.branch2c(self.branch2b(self.branch2a(x)))
        return torch.cat([x, near, far], 1)


class PeleeStem(nn.Module):
    """A strided convolution beside a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem1, self.stem2a = PeleeUnit(3, 32, 3, 2), PeleeUnit(32, 16, 1)
        self.stem2b, self.stem3 = PeleeUnit(16, 32, 3, 2), PeleeUnit(64, 32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem1(x)
        pooled = nn.functional.max_pool2d(x, 2)
        return self.stem3(torch.cat([pooled, self.stem2b(self.stem2a(x))], 1))


def peleenet() -> nn.Module:
    """`features.stemblock.stem1.conv`, `features.denseblock1.denselayer1.branch1a.norm`, ..."""
    parts: list[tuple[str, nn.Module]] = [("stemblock", PeleeStem())]
    channels = 32
    for stage, (depth, factor) in enumerate(zip((3, 4, 8, 6), (1, 2, 4, 4), strict=True), start=1):
        width = min(16 * factor, channels // 8 * 4)
        layers = [
            (f"denselayer{layer + 1}", PeleeDenseLayer(channels + 32 * layer, width))
            for layer in range(depth)
        ]
        parts.append((f"denseblock{stage}", nn.Sequential(OrderedDict(layers))))
        channels += 32 * depth
        parts.append((f"transition{stage}", PeleeUnit(channels, channels, 1)))
        if stage < 4:
            parts.append((f"transition{stage}_pool", nn.AvgPool2d(2)))
    return _Features(nn.Sequential(OrderedDict(parts)), nn.Linear(channels, 7))


def randomised(model: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights and BatchNorm statistics, so that a wrong order of anything shows.

    Residuals are scaled down: dozens of them add up.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor: torch.Tensor, low: float, high: float) -> None:
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                uniform(module.weight, 0.4, 1.0)
                uniform(module.bias, -0.3, 0.3)
                uniform(module.running_mean, -0.3, 0.3)
                uniform(module.running_var, 0.5, 1.5)
                module.num_batches_tracked.fill_(1234)
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                weight = module.weight
                inputs = (
                    weight[0].numel()
                    if not isinstance(module, nn.ConvTranspose2d)
                    else (weight.shape[0] * 4)
                )
                noise = torch.randn(weight.shape, generator=generator)
                weight.copy_(noise * (1.5 / inputs) ** 0.5)
                if module.bias is not None:
                    uniform(module.bias, -0.3, 0.3)
        for module in model.modules():
            if isinstance(module, Bottleneck):
                module.bn3.weight.mul_(0.3)
    return model.eval()
