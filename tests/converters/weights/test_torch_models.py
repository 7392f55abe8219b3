"""Official Simple Baselines and MMPose checkpoints: their heatmaps, from files that torch writes.

These need torch. Without it, `test_miniatures.py` converts small files that torch wrote.
"""

import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; test_miniatures.py does without")

import torch
from pictures import imagenet_input, odd_images, official_input
from torch_networks import MMPoseMobileNetV2, MMPoseModel, PoseResNet, ResNet, randomised

from simplebase import load_model
from simplebase.converters.weights import convert_weights
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.errors import DataError

SIZES = [(256, 256), (256, 192)]
pytestmark = pytest.mark.slow


def names(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


@cache
def pose_resnet(depth: int) -> PoseResNet:
    return randomised(PoseResNet(depth, keypoints=16 if depth == 50 else 17), seed=depth)


def answer(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """Heatmaps `(B, h, w, K)`."""
    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("size", SIZES, ids=names)
@pytest.mark.parametrize("depth", [50, 101, 152])
def test_official_checkpoints_give_the_heatmaps_of_their_network(
    depth: int, size: tuple[int, int], tmp_path: Path
) -> None:
    model = pose_resnet(depth)
    torch.save(model.state_dict(), tmp_path / "pose_resnet.pth.tar")
    report = convert_weights(
        tmp_path / "pose_resnet.pth.tar", tmp_path / "pose.keras", input_size=size
    )
    images = odd_images(size)
    expected = answer(model, official_input(images))
    heatmaps = load_model(tmp_path / "pose.keras")(images, training=False).numpy()
    difference = np.abs(heatmaps - expected).max()
    print(f"ResNet-{depth} {size}: {difference:.1e} of a range of {np.ptp(expected):.2f}")
    assert np.ptp(expected) > 1
    assert difference < 1e-4
    assert report.preset == f"resnet{depth}_deconv"
    assert report.normalisation == "torch_bgr"


@pytest.mark.parametrize("size", SIZES, ids=names)
@pytest.mark.parametrize("head", ["head", "keypoint_head"])
def test_mmpose_mobilenetv2_gives_the_heatmaps_of_its_network(
    head: str, size: tuple[int, int], tmp_path: Path
) -> None:
    model = randomised(MMPoseModel(MMPoseMobileNetV2(), keypoints=17, head=head))
    checkpoint = {"meta": {"mmpose_version": "1.3.1"}, "state_dict": model.state_dict()}
    torch.save(checkpoint, tmp_path / "td-hm_mobilenetv2.pth")
    convert_weights(tmp_path / "td-hm_mobilenetv2.pth", tmp_path / "pose.keras", input_size=size)
    images = odd_images(size)
    expected = answer(model, imagenet_input(images))
    heatmaps = load_model(tmp_path / "pose.keras")(images, training=False).numpy()
    difference = np.abs(heatmaps - expected).max()
    print(f"MobileNetV2 {size} {head}: {difference:.1e} of a range of {np.ptp(expected):.2f}")
    assert np.ptp(expected) > 0.5
    assert difference < 1e-4


def test_mmpose_resnet_gives_the_heatmaps_of_its_network(tmp_path: Path) -> None:
    model = randomised(MMPoseModel(ResNet(50), keypoints=17))
    torch.save({"state_dict": model.state_dict()}, tmp_path / "td-hm_res50_coco-256x192.pth")
    report = convert_weights(tmp_path / "td-hm_res50_coco-256x192.pth", tmp_path / "pose.keras")
    assert report.input_size == (256, 192)
    images = odd_images((256, 192))
    heatmaps = load_model(tmp_path / "pose.keras")(images, training=False).numpy()
    np.testing.assert_allclose(heatmaps, answer(model, imagenet_input(images)), rtol=0, atol=1e-4)


def test_the_line_that_saves_an_old_file_anew_works(tmp_path: Path) -> None:
    state = randomised(ResNet(50, stem=2)).state_dict()
    old = tmp_path / "old.pth.tar"
    torch.save(state, old, _use_new_zipfile_serialization=False)
    with pytest.raises(DataError, match="before 1.6") as caught:
        read_checkpoint(old)
    python, option, program = shlex.split(str(caught.value)[str(caught.value).index("python -c") :])
    assert (python, option) == ("python", "-c")
    subprocess.run([sys.executable, option, program], cwd=tmp_path, check=True, timeout=120)
    tensors = read_checkpoint(tmp_path / "old.zip.pth").tensors
    assert tensors.names == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(tensors.take(name, tuple(tensor.shape)), tensor.numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_other_widths_are_widened_or_narrowed(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    numbers = torch.linspace(-2, 2, 24, dtype=dtype)
    # A view that is neither contiguous nor at the start of its storage.
    view = numbers[4:].reshape(5, 4).T
    torch.save({"view": view, "whole": torch.nn.Parameter(numbers)}, tmp_path / "a.pth")
    tensors = read_checkpoint(tmp_path / "a.pth").tensors
    np.testing.assert_array_equal(tensors.take("view", (4, 5)), view.float().numpy())
    np.testing.assert_array_equal(tensors.take("whole", (24,)), numbers.float().numpy())
