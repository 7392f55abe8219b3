"""The networks of three presets in PyTorch, trained on random tensors; `peers.py` starts it.

It needs PyTorch and nothing else. It reads a number of steps per line of its input and answers each
line with the seconds that each step took, by the clock and of the processor, as JSON.
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

BATCH = 16
KEYPOINTS = 16
RESNET50 = (3, 4, 6, 3)
# Sandler et al., 2018, https://arxiv.org/abs/1801.04381, table 2:
# expansion, channels, blocks, stride.
MOBILENETV2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# Howard et al., 2017, https://arxiv.org/abs/1704.04861, table 1: channels, stride.
MOBILENETV1 = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


def unit(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Convolution, BatchNorm and ReLU6."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    activation = [nn.ReLU6(inplace=True)] if act else []
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), *activation)


def mobilenetv1() -> tuple[nn.Module, int]:
    """The backbone and the channels of its features."""
    layers, inputs = [unit(3, 32, 3, 2)], 32
    for outputs, stride in MOBILENETV1:
        layers += [unit(inputs, inputs, 3, stride, groups=inputs), unit(inputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers), inputs


class InvertedResidual(nn.Module):
    """The block of MobileNetV2."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [unit(inputs, hidden, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            unit(hidden, hidden, 3, stride, groups=hidden),
            unit(hidden, outputs, 1, act=False),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(B, inputs, h, w)` to `(B, outputs, h / stride, w / stride)`."""
        return x + self.layers(x) if self.adds else self.layers(x)


def mobilenetv2() -> tuple[nn.Module, int]:
    """The backbone and the channels of its features."""
    layers: list[nn.Module] = [unit(3, 32, 3, 2)]
    inputs = 32
    for expansion, outputs, blocks, stride in MOBILENETV2:
        for block in range(blocks):
            step = stride if block == 0 else 1
            layers.append(InvertedResidual(inputs, outputs, expansion, step))
            inputs = outputs
    return nn.Sequential(*layers, unit(inputs, 1280, 1)), 1280


class Bottleneck(nn.Module):
    """The block of ResNet-50."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, stride, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.bn3, self.relu = nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        self.shortcut = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(B, inputs, h, w)` to `(B, 4 * channels, h / stride, w / stride)`."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


def resnet50() -> tuple[nn.Module, int]:
    """The backbone and the channels of its features; strides as in Keras, in the first 1x1."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = 64
    for stage, blocks in enumerate(RESNET50):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, 64 * 2**stage, 2 if stage and not block else 1))
            inputs = 256 * 2**stage
    return nn.Sequential(*layers), inputs


def upsample_lite(inputs: int) -> list[nn.Module]:
    """Nearest x2, separable convolution, BatchNorm and ReLU, three times."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, 256, 1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
        ]
        inputs = 256
    return layers


def deconv(inputs: int) -> list[nn.Module]:
    """Transposed convolution of kernel 4, BatchNorm and ReLU, three times."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [
            nn.ConvTranspose2d(inputs, 256, 4, 2, 1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
        ]
        inputs = 256
    return layers


PRESETS: dict[str, tuple[Callable[[], tuple[nn.Module, int]], Callable[[int], list[nn.Module]]]] = {
    "mobilenetv1_upsample_lite": (mobilenetv1, upsample_lite),
    "mobilenetv2_upsample_lite": (mobilenetv2, upsample_lite),
    "resnet50_deconv": (resnet50, deconv),
}


def main() -> None:
    """Trains as many steps as each line of the input says."""
    preset, size, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    backbone, channels = PRESETS[preset][0]()
    head = PRESETS[preset][1](channels)
    network = nn.Sequential(backbone, *head, nn.Conv2d(256, KEYPOINTS, 1))
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    target = torch.rand(BATCH, KEYPOINTS, size // 4, size // 4)
    target = target.contiguous(memory_format=torch.channels_last)
    print(json.dumps(sum(weight.numel() for weight in network.parameters())), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            started = time.perf_counter(), time.process_time()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(images), target)
            loss.backward()
            optimizer.step()
            loss.item()
            seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
