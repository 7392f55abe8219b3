"""Backbones of torchvision, timm, GhostNet and PeleeNet: their features, from files of torch.

These need torch. Without it, `test_backbones.py` goes by the names and shapes alone.
"""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; test_backbones.py does without")

import torch
from pictures import imagenet_input, odd_images
from safetensors.numpy import save_file
from torch_backbones import BACKBONES
from torch_networks import randomised

from simplebase import SimpleBaseline
from simplebase.backbones import load_backbone
from simplebase.converters.weights import convert_weights
from simplebase.normalisation import Normalisation

SIZE = (96, 64)
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", BACKBONES)
def test_features_are_those_of_torch(name: str, tmp_path: Path) -> None:
    family, make = BACKBONES[name]
    model = randomised(make())
    images = odd_images(SIZE)
    with torch.no_grad():
        expected = model(torch.from_numpy(imagenet_input(images))).numpy().transpose(0, 2, 3, 1)
    if name.endswith("timm"):
        state = {key: tensor.contiguous().numpy() for key, tensor in model.state_dict().items()}
        source = tmp_path / f"{name}.safetensors"
        save_file(state, source)
    else:
        source = tmp_path / f"{name}.pth"
        torch.save(model.state_dict(), source)
    report = convert_weights(source, tmp_path / "b.keras", input_size=SIZE)
    assert (report.kind, report.preset, report.normalisation) == ("backbone", family, "torch")
    assert report.left_out["the classifier's tensors"] >= 2
    backbone = load_backbone(tmp_path / "b.keras")
    features = backbone(Normalisation("torch")(images), training=False)
    difference = np.abs(features - expected).max() / np.ptp(expected)
    print(f"{name}: {difference:.1e} of the range {np.ptp(expected):.2f}")
    assert np.ptp(expected) > 0.1
    assert difference < 1e-4


def test_a_converted_backbone_starts_a_model_as_it_was_trained(tmp_path: Path) -> None:
    """Padding, epsilon and normalisation come along: the preset and the caller say nothing."""
    model = randomised(BACKBONES["ghostnet_timm"][1]())
    torch.save(model.state_dict(), tmp_path / "ghostnet.pth")
    convert_weights(tmp_path / "ghostnet.pth", tmp_path / "ghostnet.keras")
    started = SimpleBaseline.from_preset(
        "ghostnet_upsample_lite", 3, input_size=SIZE, backbone_weights=tmp_path / "ghostnet.keras"
    )
    assert started.normalisation == "torch"
    images = odd_images(SIZE)
    with torch.no_grad():
        expected = model(torch.from_numpy(imagenet_input(images))).numpy().transpose(0, 2, 3, 1)
    features = started.backbone(started.get_layer("normalisation")(images), training=False)
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4 * np.ptp(expected))
