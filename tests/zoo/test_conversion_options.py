"""A row of the table says all that the converter has to be told."""

from dataclasses import replace
from pathlib import Path

import pytest

from simplebase import load_model
from simplebase.converters.weights import convert_weights
from simplebase.errors import ArgumentError
from simplebase.skeletons import load_skeleton
from simplebase.zoo import ZooModel, conversion_options, find, models

# ResNet-101 of a 32nd of its width, with MMPose 1.x's keys and COCO's 17 keypoints.
MINIATURE = Path(__file__).parents[1] / "converters/weights/miniatures/mmpose1_resnet101.pth"
SIZE = (96, 64)


@pytest.mark.parametrize("row", models("keypoints"), ids=lambda row: row.name)
def test_the_preset_has_the_crop_and_the_codec_of_the_row(row: ZooModel) -> None:
    options = conversion_options(row)
    preset = options["preset"]
    assert preset.name == row.preset and preset.backbone.name in row.preset
    # Named, so that they go before what the converter assumes.
    assert preset.crop.model_fields_set == {"padding", "center_shift"}
    assert preset.crop.model_dump() == row.crop.to_config()
    assert {"sigma", "alignment", "flip_shift"} <= preset.codec.model_fields_set
    assert preset.codec.blur_kernel == row.codec.blur_kernel
    assert options["skeleton"] == load_skeleton(row.skeleton)
    assert options["input_size"] == row.input_size and options["normalisation"] == "torch"


def test_a_converted_model_has_the_rows_settings(tmp_path: Path) -> None:
    row = find("resnet101_deconv_coco_384x288_dark")
    codec = replace(row.codec, input_size=SIZE)
    small = replace(row, input_size=SIZE, codec=codec, crop=replace(row.crop, padding=1.5))
    report = convert_weights(MINIATURE, tmp_path / "model.keras", **conversion_options(small))
    assert report.notes == ()
    model = load_model(tmp_path / "model.keras")
    assert model.metadata.codec == codec
    assert (codec.sigma, codec.blur_kernel, codec.flip_shift) == (3, 11, 1)
    assert model.metadata.crop == small.crop and model.metadata.preset == row.preset
    assert model.metadata.skeleton == load_skeleton("coco")
    assert model.metadata.input_size == SIZE and model.normalisation == "torch"


def test_a_backbone_is_converted_for_its_input_alone() -> None:
    assert conversion_options(find("ghostnet")) == {
        "preset": None,
        "input_size": (224, 224),
        "skeleton": None,
        "normalisation": "torch",
    }


def test_a_detector_is_not_converted() -> None:
    with pytest.raises(ArgumentError, match="yolox-s is a detector: its file is used as it is"):
        conversion_options(find("yolox-s"))
