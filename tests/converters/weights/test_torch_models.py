"""Official Simple Baselines and MMPose checkpoints: their heatmaps, from files that torch writes.

These need torch. Without it, `test_miniatures.py` converts small files that torch wrote.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; test_miniatures.py does without")

import torch
from pictures import imagenet_input, odd_images, official_input
from stream_files import Stored, Tensor, parts_of, state_dict, tensor
from torch_networks import MMPoseMobileNetV2, MMPoseModel, PoseResNet, ResNet, randomised

from simplebase import load_model
from simplebase.converters.weights import convert_weights
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.torch_stream import read_torch_stream
from simplebase.converters.weights.torch_zip import read_torch_zip

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
    # As its publish_model.py does.
    torch.save(
        {"meta": {"epoch": 210}, "state_dict": model.state_dict()},
        tmp_path / "td-hm_res50_coco-256x192.pth",
        _use_new_zipfile_serialization=False,
    )
    report = convert_weights(tmp_path / "td-hm_res50_coco-256x192.pth", tmp_path / "pose.keras")
    assert report.input_size == (256, 192)
    images = odd_images((256, 192))
    heatmaps = load_model(tmp_path / "pose.keras")(images, training=False).numpy()
    np.testing.assert_allclose(heatmaps, answer(model, imagenet_input(images)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("as_zip", [False, True], ids=["stream", "zip"])
def test_both_formats_of_torch_are_read_to_the_bit(as_zip: bool, tmp_path: Path) -> None:
    numbers = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    state = {
        "whole": numbers,
        "shared": numbers[3:17, 2:29:3],
        "transposed": numbers.T,
        "expanded": torch.randn(5, 1).expand(5, 7),
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(numbers[:5].clone().T),
        "half": numbers[0].half(),
        "double": numbers[1].double(),
        "bytes": torch.arange(250, 256).to(torch.uint8),
        "flags": torch.tensor([True, False]),
        "scalar": torch.tensor(1234),
        "empty": torch.zeros(0, 4),
        "odd": torch.tensor([float("nan"), -float("inf"), -0.0]),
    }
    # torch.optim imports what does not bear TensorFlow in its process.
    momentum = {0: {"momentum_buffer": torch.ones(3)}}
    meta = {
        "epoch": np.int64(3),
        "lr": np.float32(0.1),
        "sigmas": np.ones(3),
        "who": "r\xe9",
        "b": b"1",
    }
    content = {"meta": meta, "state_dict": state, "optimizer": {"state": momentum}}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=as_zip)
    arrays, rest = (read_torch_zip if as_zip else read_torch_stream)(tmp_path / "a.pth")
    assert list(arrays) == list(state) and list(rest) == ["meta", "optimizer"]
    for name, written in state.items():
        expected = written.detach().numpy()
        assert (arrays[name].dtype, arrays[name].shape) == (expected.dtype, expected.shape), name
        assert arrays[name].tobytes() == expected.tobytes(), name


def test_torch_reads_what_the_tests_write_in_its_older_format(tmp_path: Path) -> None:
    """So that tests without torch hold for its files."""
    numbers = np.arange(12, dtype=np.float32)
    views = {"t": Tensor(Stored(numbers, "7"), (4, 3), (1, 4)), "h": tensor(numbers[:2], "8")}
    (tmp_path / "a.pth").write_bytes(b"".join(parts_of({"state_dict": state_dict(views.items())})))
    found = torch.load(tmp_path / "a.pth", weights_only=True)["state_dict"]
    assert found["t"].tolist() == numbers.reshape(3, 4).T.tolist()
    assert found["h"].tolist() == [0, 1]


@pytest.mark.parametrize("as_zip", [False, True], ids=["stream", "zip"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_other_widths_are_widened_or_narrowed(
    dtype: torch.dtype, as_zip: bool, tmp_path: Path
) -> None:
    numbers = torch.linspace(-2, 2, 24, dtype=dtype)
    # A view that is neither contiguous nor at the start of its storage.
    view = numbers[4:].reshape(5, 4).T
    content = {"view": view, "whole": torch.nn.Parameter(numbers)}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=as_zip)
    tensors = read_checkpoint(tmp_path / "a.pth").tensors
    np.testing.assert_array_equal(tensors.take("view", (4, 5)), view.float().numpy())
    np.testing.assert_array_equal(tensors.take("whole", (24,)), numbers.float().numpy())
