"""A preset builds its backbone and its head alone, as it builds them within a model."""

from pathlib import Path

import numpy as np
import pytest

from simplebase import SimpleBaseline, load_preset
from simplebase.backbones import Backbone, MobileNetV2Backbone, ResNetBackbone
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.heads import DeconvHead, Head, UpsampleLiteHead
from simplebase.presets import Preset


def test_the_parts_are_those_of_the_whole_model(small_preset: Preset) -> None:
    model = SimpleBaseline.from_preset(small_preset, 4, backbone_weights="none")
    backbone = type(model.backbone).from_preset(small_preset, backbone_weights="none")
    head = type(model.head).from_preset(small_preset, 4, backbone.output_shape[1:])
    assert backbone.get_config() == model.backbone.get_config()
    # Keras counts up the name that it gives.
    assert head.get_config() | {"name": ""} == model.head.get_config() | {"name": ""}


def test_the_parts_join_to_a_model_of_another_size() -> None:
    backbone = MobileNetV2Backbone.from_preset(
        "mobilenetv2_upsample_lite", input_size=(64, 96), backbone_weights="none"
    )
    assert isinstance(backbone, MobileNetV2Backbone)
    assert backbone.output_shape == (None, 2, 3, 1280)
    head = UpsampleLiteHead.from_preset(
        "mobilenetv2_upsample_lite", num_keypoints=5, input_shape=backbone.output_shape[1:]
    )
    assert head(backbone(np.zeros((1, 64, 96, 3), np.float32))).shape == (1, 16, 24, 5)


def test_the_base_classes_build_any_family() -> None:
    preset = load_preset("mobilenetv3small_deconv")
    backbone = Backbone.from_preset(preset, input_size=(32, 32), backbone_weights="none")
    assert type(backbone).__name__ == "MobileNetV3SmallBackbone"
    assert type(Head.from_preset(preset, 2, (1, 1, 8))) is DeconvHead


def test_another_family_is_refused_by_name() -> None:
    with pytest.raises(
        ArgumentError,
        match=r"is built with MobileNetV2Backbone, not ResNetBackbone. Call MobileNetV2B",
    ):
        ResNetBackbone.from_preset("mobilenetv2_upsample_lite")
    with pytest.raises(
        ArgumentError, match=r"is built with UpsampleLiteHead, not DeconvHead. Call Up"
    ):
        DeconvHead.from_preset("mobilenetv2_upsample_lite", 2, (2, 2, 8))


def test_weights_of_a_file_are_taken(small_preset: Preset, tmp_path: Path) -> None:
    source = Backbone.from_preset(small_preset, backbone_weights="none")
    for name in ("backbone.keras", "backbone.weights.h5"):
        path = tmp_path / name
        (source.save if name.endswith(".keras") else source.save_weights)(path)
        backbone = Backbone.from_preset(small_preset, backbone_weights=path)
        for mine, theirs in zip(backbone.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_without_imagenet_auto_warns_and_imagenet_is_an_error(
    small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(self: Backbone) -> None:
        raise ArgumentError("the ImageNet weights could not be downloaded (no network).")

    monkeypatch.setattr(Backbone, "load_imagenet", unreachable)
    with pytest.warns(SimplebaseWarning, match="starts from random weights") as caught:
        Backbone.from_preset(small_preset)
    assert caught[0].filename == __file__
    with pytest.raises(ArgumentError, match="no network"):
        Backbone.from_preset(small_preset, backbone_weights="imagenet")


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    name = "mobilenetv2_upsample_lite"
    with pytest.raises(ArgumentError, match="multiple of 32. Received: 64x50"):
        Backbone.from_preset(name, input_size=(64, 50), backbone_weights="none")
    with pytest.raises(ArgumentError, match="'mobilenetv2_upsample_light' does not exist. Nearest"):
        Backbone.from_preset("mobilenetv2_upsample_light")
    with pytest.raises(MissingFileError, match="backbone weights file does not exist"):
        Backbone.from_preset(name, input_size=(32, 32), backbone_weights=tmp_path / "no.keras")
    (tmp_path / "bad.keras").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged, or not a .keras file"):
        Backbone.from_preset(name, input_size=(32, 32), backbone_weights=tmp_path / "bad.keras")
    with pytest.raises(ArgumentError, match="num_keypoints must be at least 1. Received: 0"):
        Head.from_preset(name, 0, (2, 2, 8))
    with pytest.raises(ArgumentError, match=r"input_shape must be \(h, w, C\).*Received: \(2, 2\)"):
        Head.from_preset(name, 2, (2, 2))  # type: ignore[arg-type]
