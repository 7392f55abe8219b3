"""ImageNet backbones of PyTorch by names and shapes alone, without torch.

`miniatures/make_keys.py` wrote the names; `test_torch_backbones.py` compares features.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from simplebase.backbones import BACKBONES
from simplebase.converters.weights.checkpoint import Checkpoint, Tensors
from simplebase.converters.weights.filling import fill_backbone
from simplebase.converters.weights.recognition import recognise
from simplebase.errors import DataError

KEYS = json.loads(gzip.decompress((Path(__file__).parent / "miniatures/keys.json.gz").read_bytes()))
# The deeper ResNets differ by how many blocks there are, which recognition alone shows.
DEEP = {"resnet101_torchvision", "resnet152_torchvision"}


def checkpoint(name: str, **changes: tuple[int, ...] | None) -> Checkpoint:
    """As if read from a file; `changes` are other shapes, or None for a tensor that is gone."""
    shapes = {key: tuple(shape) for key, shape in KEYS[name].items()} | changes
    arrays = {
        key: np.zeros(shape, np.float32) for key, shape in shapes.items() if shape is not None
    }
    path = Path(f"{name}.pth")
    return Checkpoint(path, "torch", "PyTorch", Tensors(arrays, path))


@pytest.mark.parametrize("name", KEYS)
def test_a_backbone_is_recognised_with_what_pytorch_does(name: str) -> None:
    found = recognise(checkpoint(name))
    assert found.backbone == name.split("_")[0]
    assert found.head is None
    assert found.arguments["padding"] == "symmetric"
    wide = name.startswith("mobilenetv3") and name.endswith("torchvision")
    assert found.arguments["bn_epsilon"] == (1e-3 if wide else 1e-5)


@pytest.mark.parametrize("name", sorted(KEYS.keys() - DEEP))
def test_every_tensor_but_the_classifiers_has_its_place(name: str) -> None:
    source = checkpoint(name)
    found = recognise(source)
    backbone = BACKBONES[found.backbone](input_size=(32, 32), **found.arguments)
    fill_backbone(backbone, found, source)
    left = source.tensors.unused
    assert left and all(key.startswith(found.network.classifier) for key in left)
    assert {key.split(".")[0] for key in left} <= {"fc", "classifier", "conv_head"}


def test_a_missing_tensor_another_shape_and_one_too_many_are_named() -> None:
    name = "mobilenetv2_torchvision"

    def filled(source: Checkpoint) -> None:
        found = recognise(source)
        backbone = BACKBONES[found.backbone](input_size=(32, 32), **found.arguments)
        fill_backbone(backbone, found, source)
        source.tensors.ignore([key for key in KEYS[name] if key.startswith("classifier")])
        source.tensors.require_all_used("mobilenetv2")

    filled(checkpoint(name))
    with pytest.raises(DataError, match="has no tensor features.9.conv.2.weight"):
        filled(checkpoint(name, **{"features.9.conv.2.weight": None}))
    with pytest.raises(DataError, match=r"features.9.conv.2.weight has the shape \(1, 2, 1, 1\)"):
        filled(checkpoint(name, **{"features.9.conv.2.weight": (1, 2, 1, 1)}))
    with pytest.raises(
        DataError, match="1 of its 315 tensors belong to nothing.* features.19.bias"
    ):
        filled(checkpoint(name, **{"features.19.bias": (3,)}))


def test_resnets_of_other_depths_are_told_of_by_their_blocks() -> None:
    gone = {key: None for key in KEYS["resnet50_torchvision"] if key.startswith("layer3.5.")}
    with pytest.raises(DataError, match=r"a ResNet with \[3, 4, 5, 3\] blocks"):
        recognise(checkpoint("resnet50_torchvision", **gone))
