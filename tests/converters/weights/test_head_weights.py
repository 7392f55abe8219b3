"""Heads that are not the paper's are refused; the tf.keras project's are told by their shapes."""

from pathlib import Path

import numpy as np
import pytest

from simplebase.converters.weights.checkpoint import Checkpoint, Tensors
from simplebase.converters.weights.heads import find_keras2_head, find_torch_head
from simplebase.errors import DataError

Shapes = dict[str, tuple[int, ...]]

TORCH: Shapes = {
    "deconv_layers.0.weight": (64, 8, 4, 4),
    "deconv_layers.1.running_mean": (8,),
    "deconv_layers.3.weight": (8, 16, 4, 4),
    "deconv_layers.4.running_mean": (16,),
    "deconv_layers.6.weight": (16, 24, 4, 4),
    "deconv_layers.7.running_mean": (24,),
    "final_layer.weight": (5, 24, 1, 1),
    "final_layer.bias": (5,),
}


def checkpoint(shapes: Shapes, layout: str = "torch") -> Checkpoint:
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    layers = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in shapes))
    path = Path("head.pth")
    return Checkpoint(path, layout, "test", Tensors(arrays, path), layers)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "head.", "keypoint_head."])
def test_the_papers_head_is_found_with_its_channels(prefix: str) -> None:
    found = find_torch_head(checkpoint({prefix + n: s for n, s in TORCH.items()}), prefix)
    assert found is not None
    assert (found.name, found.channels, found.kernel_size) == ("deconv", (8, 16, 24), 4)
    assert found.num_keypoints == 5
    assert found.convolutions[2] == f"{prefix}deconv_layers.6"
    assert found.batch_norms[0] == f"{prefix}deconv_layers.1"


def test_without_a_head_there_is_none() -> None:
    assert find_torch_head(checkpoint({"conv1.weight": (64, 3, 7, 7)}), "") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"deconv_layers.6.weight": (16, 24, 2, 2)},
            r"3 .*convolutions \(4x4, 4x4, 2x2\)\. Only heads with three",
        ),
        ({"deconv_layers.9.weight": (24, 24, 4, 4)}, r"has 4 transposed convolutions"),
        ({"final_layer.weight": ()}, r"final_layer.weight has the shape \(\), but 4 axes"),
        ({"deconv_layers.6.weight": (16,)}, r"has 2 transposed convolutions \(4x4, 4x4\)"),
    ],
)
def test_other_deconvolutions_are_refused(changes: Shapes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_torch_head(checkpoint(TORCH | changes), "")


def test_a_head_without_its_last_layer_is_incomplete() -> None:
    shapes = {name: shape for name, shape in TORCH.items() if not name.startswith("final")}
    with pytest.raises(DataError, match="no tensor final_layer.weight"):
        find_torch_head(checkpoint(shapes), "")


def keras2(size: int, *, transposed: bool, channels: int = 8) -> Shapes:
    """Three blocks on features of 64 channels, then a prediction, in Keras's order of axes."""
    shapes: Shapes = {}
    inputs = 64
    for block in range(3):
        ends = (channels, inputs) if transposed else (inputs, channels)
        shapes[f"conv_{block}/kernel"] = (size, size, *ends)
        shapes[f"conv_{block}/bias"] = (channels,)
        shapes[f"norm_{block}/moving_mean"] = (channels,)
        inputs = channels
    shapes["last/kernel"] = (1, 1, channels, 5)
    shapes["last/bias"] = (5,)
    return shapes


def test_convolutions_and_transposed_ones_differ_by_where_the_channels_are() -> None:
    upsample = find_keras2_head(checkpoint(keras2(3, transposed=False), "keras2"))
    deconv = find_keras2_head(checkpoint(keras2(4, transposed=True), "keras2"))
    assert upsample is not None and deconv is not None
    assert (upsample.name, upsample.kernel_size) == ("upsample", 3)
    assert (deconv.name, deconv.kernel_size) == ("deconv", 4)


def test_a_classifier_of_a_1x1_convolution_is_no_head() -> None:
    """The ImageNet files of MobileNet end like that."""
    assert find_keras2_head(checkpoint(keras2(1, transposed=False), "keras2")) is None
