"""Small checkpoints that torch wrote: converted without torch, they give torch's heatmaps.

`miniatures/make.py` wrote them.
"""

from pathlib import Path

import numpy as np
import pytest

from simplebase import load_model, load_preset
from simplebase.converters.weights import WeightsReport, convert_weights
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.estimator import SimpleBaseline

MINIATURES = Path(__file__).parent / "miniatures"
NAMES = ["official_resnet50", "mmpose1_resnet101", "official_resnet152", "mmpose0_mobilenetv2"]

# One worker converts each once.
pytestmark = pytest.mark.xdist_group("miniatures")

Converted = tuple[WeightsReport, SimpleBaseline]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Converted]:
    folder = tmp_path_factory.mktemp("converted")
    found = {}
    for name in NAMES:
        report = convert_weights(
            MINIATURES / f"{name}.pth", folder / f"{name}.keras", input_size=(96, 64)
        )
        found[name] = (report, load_model(folder / f"{name}.keras"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_heatmaps_are_those_of_torch(name: str, converted: dict[str, Converted]) -> None:
    expected = np.load(MINIATURES / f"{name}.npz")
    heatmaps = converted[name][1](expected["images"], training=False).numpy()
    assert np.ptp(expected["heatmaps"]) > 0.5
    np.testing.assert_allclose(heatmaps, expected["heatmaps"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_is_used_and_counted(name: str, converted: dict[str, Converted]) -> None:
    """Per BatchNorm five tensors, of which one counts batches and is no weight."""
    report = converted[name][0]
    names = read_checkpoint(MINIATURES / f"{name}.pth").tensors.names
    norms = sum(each.endswith("running_mean") for each in names)
    assert report.tensors == len(names)
    assert report.used == len(names) - norms
    assert report.left_out["counters of batches"] == norms


def test_what_each_project_does_beside_the_network_is_kept(
    converted: dict[str, Converted],
) -> None:
    """Torch's padding, stride and epsilon; colours; corners; MPII's lower crop."""
    for name, (preset, normalisation, shift, skeleton) in {
        "official_resnet50": ("resnet50_deconv", "torch_bgr", 15, "mpii"),
        "mmpose1_resnet101": ("resnet101_deconv", "torch", 0, "coco"),
        "official_resnet152": ("resnet152_deconv", "torch_bgr", 0, "coco"),
        "mmpose0_mobilenetv2": ("mobilenetv2_deconv", "torch", 0, "unnamed"),
    }.items():
        model = converted[name][1]
        metadata = model.metadata
        assert (metadata.preset, model.normalisation) == (preset, normalisation)
        assert (metadata.crop.padding, metadata.crop.center_shift) == (1.25, shift)
        assert (metadata.codec.alignment, metadata.codec.sigma) == ("corner", 2)
        assert metadata.skeleton.name == skeleton
        assert metadata.input_size == (96, 64)
        assert model.backbone.padding == "symmetric"
        assert model.backbone.bn_epsilon == model.head.bn_epsilon == 1e-5
        if "resnet" in name:
            assert model.backbone.stride_in == "3x3"


def test_a_training_may_start_from_a_converted_model(
    converted: dict[str, Converted], tmp_path: Path
) -> None:
    """The preset does not say how PyTorch pads; the weights do."""
    source = converted["mmpose0_mobilenetv2"][1]
    source.save(tmp_path / "source.keras")
    plain = load_preset("mobilenetv2_deconv")
    preset = plain.model_copy(
        update={
            "backbone": plain.backbone.model_copy(update={"alpha": 0.125}),
            "head": plain.head.model_copy(update={"channels": (4, 4, 4)}),
        }
    )
    model = SimpleBaseline.from_preset(
        preset, 5, input_size=(96, 64), weights=tmp_path / "source.keras"
    )
    images = np.load(MINIATURES / "mmpose0_mobilenetv2.npz")["images"]
    np.testing.assert_allclose(
        model(images, training=False), source(images, training=False), atol=1e-6
    )
