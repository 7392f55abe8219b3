"""Small checkpoints that torch wrote: converted without torch, they give torch's heatmaps.

`miniatures/make.py` wrote them. MMPose's are converted as MMPose publishes: see `published`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_files import parts_of, state_dict, tensor

from simplebase import load_model, load_preset
from simplebase.converters.weights import WeightsReport, convert_weights
from simplebase.converters.weights.conversion_settings import choose_settings
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import recognise
from simplebase.converters.weights.torch_zip import read_torch_zip
from simplebase.errors import DataError
from simplebase.estimator import SimpleBaseline

MINIATURES = Path(__file__).parent / "miniatures"
NAMES = ["official_resnet50", "mmpose1_resnet101", "official_resnet152", "mmpose0_mobilenetv2"]

# One worker converts each once.
pytestmark = pytest.mark.xdist_group("miniatures")

# Of MMPose, 0..255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

Converted = tuple[WeightsReport, SimpleBaseline]


def published(name: str, path: Path, *, mean: tuple[float, ...] = MEAN) -> Path:
    """A miniature in the older format, with what may stand beside the weights of an MMPose model.

    0.x: an optimizer, and copies before averaging. 1.x: colours; its `meta` needs NumPy's objects,
    which the file in the newer format has.
    """
    arrays, _ = read_torch_zip(MINIATURES / f"{name}.pth")
    tensors: dict[str, Any] = {
        key: tensor(array, str(number)) for number, (key, array) in enumerate(arrays.items())
    }
    if name.startswith("mmpose0"):
        for number, (key, array) in enumerate(arrays.items()):
            if not key.endswith("num_batches_tracked"):
                before = tensor(np.full_like(array, 7), f"ema{number}")
                tensors[f"ema_{key.replace('.', '_')}"] = before
    else:
        for key, values in {"mean": mean, "std": STD}.items():
            column = np.array(values, np.float32).reshape(3, 1, 1)
            tensors[f"data_preprocessor.{key}"] = tensor(column, key)
    momentum = {"momentum_buffer": tensor(np.ones(3, np.float32), "momentum")}
    content = {
        "meta": {"mmpose_version": "0.29.0", "epoch": 210},
        "state_dict": state_dict(tensors.items()),
        "optimizer": {"state": {0: momentum}, "param_groups": [{"lr": 5e-4, "params": [0]}]},
    }
    path.write_bytes(b"".join(parts_of(content)))
    return path


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Converted]:
    folder = tmp_path_factory.mktemp("converted")
    found = {}
    for name in NAMES:
        source = MINIATURES / f"{name}.pth"
        if name.startswith("mmpose0"):
            source = published(name, folder / f"{name}.pth")
        report = convert_weights(source, folder / f"{name}.keras", input_size=(96, 64))
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


def test_of_two_copies_the_averaged_one_is_taken(converted: dict[str, Converted]) -> None:
    """The copies under `ema_` hold sevens; heatmaps are those of the others."""
    report = converted["mmpose0_mobilenetv2"][0]
    assert report.source == "PyTorch's older format: MMPose, top-down heatmaps"
    assert report.left_out["copies before averaging (ema_)"] == report.used
    assert report.left_out["entries beside the weights (meta, optimizer)"] == 2


def test_colours_in_the_file_are_checked_and_other_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    checkpoint = read_checkpoint(published("mmpose1_resnet101", path))
    recognised = recognise(checkpoint)
    sized: dict[str, Any] = {"preset": None, "input_size": (96, 64), "skeleton": None}
    assert choose_settings(checkpoint, recognised, **sized, normalisation=None).normalisation == (
        "torch"
    )
    checkpoint = read_checkpoint(published("mmpose1_resnet101", path, mean=(0, 0, 0)))
    with pytest.raises(DataError, match="mean 0, 0, 0 and the deviation 58.395, 57.12, 57.375"):
        choose_settings(checkpoint, recognised, **sized, normalisation=None)
    checkpoint = read_checkpoint(path)
    chosen = choose_settings(checkpoint, recognised, **sized, normalisation="torch")
    assert chosen.normalisation == "torch"
    assert not [name for name in checkpoint.tensors.unused if name.startswith("data_")]


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
