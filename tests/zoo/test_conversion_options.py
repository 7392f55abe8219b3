"""A row of the table says all that the converter has to be told."""

from dataclasses import replace
from pathlib import Path

import pytest

from simplebase.converters.weights.conversion_settings import choose_settings
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import recognise
from simplebase.errors import ArgumentError
from simplebase.metadata import ModelMetadata
from simplebase.skeletons import load_skeleton
from simplebase.zoo import ZooModel, conversion_options, find, models

# ResNet-101 of a 32nd of its width, with MMPose 1.x's keys and COCO's 17 keypoints.
MINIATURE = Path(__file__).parents[1] / "converters/weights/miniatures/mmpose1_resnet101.pth"


PUBLISHED = [row for row in models("keypoints") if not row.embedded]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_the_preset_has_the_crop_and_the_codec_of_the_row(row: ZooModel) -> None:
    options = conversion_options(row)
    preset = options["preset"]
    assert preset.name == row.preset and preset.backbone.name in row.preset
    # Named, so that they go before what the converter assumes.
    assert preset.crop.model_fields_set == {"padding", "center_shift"}
    assert preset.crop.model_dump() == row.crop.to_config()
    assert {"sigma", "alignment"} <= preset.codec.model_fields_set
    assert preset.codec.blur_kernel == row.codec.blur_kernel
    assert options["skeleton"] == load_skeleton(row.skeleton)
    assert options["input_size"] == row.input_size and options["normalisation"] == "torch"


def test_the_converter_chooses_the_settings_of_the_row() -> None:
    row = find("resnet101_deconv_coco_384x288_dark")
    row = replace(row, crop=replace(row.crop, padding=1.5))
    checkpoint = read_checkpoint(MINIATURE)
    chosen = choose_settings(checkpoint, recognise(checkpoint), **conversion_options(row))
    assert chosen.metadata == ModelMetadata(
        row.preset, row.input_size, row.crop, row.codec, load_skeleton("coco")
    )
    assert (row.codec.sigma, row.codec.blur_kernel) == (3, 11)
    assert (chosen.normalisation, chosen.notes) == ("torch", ())


def test_a_row_of_another_network_is_refused() -> None:
    checkpoint = read_checkpoint(MINIATURE)
    options = conversion_options(find("person"))
    with pytest.raises(ArgumentError, match="backbone resnet101, but the preset resnet50_deconv"):
        choose_settings(checkpoint, recognise(checkpoint), **options)


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
