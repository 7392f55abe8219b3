"""Files of the tf.keras project: its own heatmaps, and all of its networks recognised."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import keras
import keras2_files
import numpy as np
import pytest

from simplebase import SimpleBaseline, load_model
from simplebase.backbones import BACKBONES
from simplebase.converters.weights import convert_weights
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import recognise
from simplebase.errors import ArgumentError
from simplebase.skeletons import load_skeleton

FIXTURES = [
    ("ghostnet_upsample_lite", 16, (128, 128), ""),
    ("mobilenetv1_upsample_lite", 14, (128, 128), ""),
    ("mobilenetv2_upsample_lite", 16, (256, 256), ""),
    ("mobilenetv3small_deconv", 17, (128, 128), ""),
    ("mobilenetv3small_upsample_lite", 17, (128, 192), "_weights"),
    ("peleenet_upsample_lite", 16, (128, 128), ""),
]
UPSTREAMS_BACKBONES = sorted(set(BACKBONES) - {"resnet101", "resnet152"})


@pytest.mark.parametrize(("preset", "keypoints", "size", "kind"), FIXTURES)
def test_upstreams_own_files_give_its_heatmaps(
    preset: str, keypoints: int, size: tuple[int, int], kind: str, shared: Path, tmp_path: Path
) -> None:
    """`shared/upstream_h5` was written by its code under Keras 2.15."""
    name = f"{preset}_{keypoints}kp_{size[0]}x{size[1]}{kind}"
    source = shared / "upstream_h5" / f"{name}.h5"
    report = convert_weights(source, tmp_path / "model.keras")
    expected = np.load(source.with_suffix(".npz"))
    model = load_model(tmp_path / "model.keras")
    heatmaps = model(expected["images"], training=False).numpy()
    difference = np.abs(heatmaps - expected["heatmaps"]).max()
    print(f"{name}: {difference:.1e} of a range of {np.ptp(expected['heatmaps']):.2f}")
    assert np.ptp(expected["heatmaps"]) > 0.1
    assert difference < 1e-4
    assert (report.preset, report.num_keypoints, report.input_size) == (preset, keypoints, size)
    assert report.used == report.tensors
    assert model.normalisation == "upstream"
    assert model.metadata.codec.alignment == "upstream"
    assert model.metadata.codec.sigma == 1
    assert (model.metadata.crop.padding, model.metadata.crop.center_shift) == (1.25, 15)


Backbones = Callable[[str], keras.Model]
# One worker builds each backbone once.
ONE_WORKER = pytest.mark.xdist_group("upstreams_backbones")


@pytest.fixture(scope="module")
def backbones() -> Backbones:
    """Ours, to write in upstream's layout where no file of upstream's is at hand."""
    return cache(lambda name: BACKBONES[name](input_size=(64, 64)))


@ONE_WORKER
@pytest.mark.parametrize("head", ["deconv", "upsample", "upsample_lite"])
@pytest.mark.parametrize("backbone", UPSTREAMS_BACKBONES)
def test_each_of_its_networks_is_recognised(
    backbone: str, head: str, backbones: Backbones, tmp_path: Path
) -> None:
    """By a file that the test writes: 7 backbones and 3 heads are more than the 6 real files."""
    path = tmp_path / "weights.h5"
    channels = (16, 24, 16)
    keras2_files.write(path, backbone, backbones(backbone), head, channels, keypoints=4)
    found = recognise(read_checkpoint(path))
    assert (found.backbone, found.head.name) == (backbone, head)
    assert (found.head.channels, found.head.num_keypoints) == (channels, 4)
    assert found.head.kernel_size == (4 if head == "deconv" else 3)
    assert found.arguments.get("alpha", 1.0) == 1.0


@ONE_WORKER
@pytest.mark.parametrize(
    ("backbone", "head"), [("resnet50", "upsample"), ("mobilenetv3large", "deconv")]
)
def test_networks_without_a_file_of_upstreams_come_back_from_its_layout(
    backbone: str, head: str, backbones: Backbones, tmp_path: Path
) -> None:
    """A round trip: our own model written as Keras 2 would, its head's biases not zero."""
    path = tmp_path / "weights.h5"
    model = keras2_files.randomised(backbones(backbone))
    channels = (16, 24, 16)
    expected_head = keras2_files.write(path, backbone, model, head, channels, keypoints=4)
    report = convert_weights(path, tmp_path / "model.keras", input_size=(64, 64))
    assert report.preset == f"{backbone}_{head}"
    converted = load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    expected = expected_head(model((images / 255 - [0.4404, 0.4440, 0.4327]).astype(np.float32)))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(
        converted(images, training=False), expected, rtol=0, atol=1e-4 * np.ptp(expected)
    )


@ONE_WORKER
def test_upstreams_names_of_mobilenetv3large_are_those_of_its_code(
    backbones: Backbones, tmp_path: Path
) -> None:
    """No file of it is at hand: names as in its common/backbones/mobilenet_v3.py."""
    path = tmp_path / "weights.h5"
    model = backbones("mobilenetv3large")
    keras2_files.write(path, "mobilenetv3large", model, "deconv", (8, 8, 8), keypoints=4)
    layers = read_checkpoint(path).layers
    for name in (
        "Conv",
        "Conv/BatchNorm",
        "expanded_conv/depthwise/Conv",
        "expanded_conv/project/BatchNorm",
        "expanded_conv_3/expand/BatchNorm",
        "expanded_conv_3/squeeze_excite/Conv",
        "expanded_conv_14/squeeze_excite/Conv_1",
        "expanded_conv_14/project",
        "Conv_1",
        "Conv_1/BatchNorm",
    ):
        assert name in layers


@ONE_WORKER
def test_a_skeleton_or_preset_that_does_not_fit_is_refused(
    backbones: Backbones, tmp_path: Path
) -> None:
    path, output = tmp_path / "weights.h5", tmp_path / "model.keras"
    model = backbones("mobilenetv1")
    keras2_files.write(path, "mobilenetv1", model, "upsample_lite", (8, 8, 8), keypoints=4)
    with pytest.raises(ArgumentError, match="4 heatmaps, but the skeleton 'lsp' has 14 keypoints"):
        convert_weights(path, output, skeleton=load_skeleton("lsp"))
    with pytest.raises(ArgumentError, match="the backbone mobilenetv1, .*mobilenetv2_deconv has"):
        convert_weights(path, output, preset="mobilenetv2_deconv")
    with pytest.raises(ArgumentError, match="the head upsample_lite, .*mobilenetv1_deconv has dec"):
        convert_weights(path, output, preset="mobilenetv1_deconv")
    with pytest.raises(ArgumentError, match="multiple of 32. Received: 100x64"):
        convert_weights(path, output, input_size=(100, 64))
    assert not output.exists()


@ONE_WORKER
def test_what_a_presets_yaml_says_goes_before_what_upstream_does(
    backbones: Backbones, tmp_path: Path
) -> None:
    path = tmp_path / "weights.h5"
    model = backbones("mobilenetv1")
    keras2_files.write(path, "mobilenetv1", model, "upsample_lite", (8, 8, 8), keypoints=4)
    (tmp_path / "mine.yaml").write_text(
        "description: mine\nbackbone: {name: mobilenetv1}\nhead: {name: upsample_lite}\n"
        "input_size: [64, 96]\ncrop: {padding: 1.5}\ncodec: {sigma: 1.5}\n"
    )
    convert_weights(path, tmp_path / "model.keras", preset=tmp_path / "mine.yaml")
    metadata = load_model(tmp_path / "model.keras").metadata
    assert (metadata.preset, metadata.input_size) == ("mine", (64, 96))
    assert (metadata.crop.padding, metadata.crop.center_shift) == (1.5, 15)
    assert (metadata.codec.sigma, metadata.codec.alignment) == (1.5, "upstream")


@ONE_WORKER
def test_a_file_without_a_head_is_a_backbone(backbones: Backbones, tmp_path: Path) -> None:
    """As the tf.keras project ships GhostNet and PeleeNet for ImageNet."""
    path, output = tmp_path / "ghostnet.h5", tmp_path / "ghostnet.keras"
    source = keras2_files.randomised(backbones("ghostnet"))
    keras2_files.write(path, "ghostnet", source, None, (), 0)
    report = convert_weights(path, output)
    assert (report.kind, report.preset, report.normalisation) == ("backbone", "ghostnet", "torch")
    model = SimpleBaseline.from_preset(
        "ghostnet_upsample_lite", 3, input_size=(64, 64), backbone_weights=output
    )
    images = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(model.backbone(images), source(images), rtol=0, atol=1e-5)
