"""Small networks whose layers are known."""

from typing import Any

import keras
import pytest
from model_checks import OneLayerBackbone

from simplebase import ModelMetadata, SimpleBaseline, Skeleton, load_preset
from simplebase.backbones import Backbone
from simplebase.geometry import Size
from simplebase.heads import HEADS


@keras.saving.register_keras_serializable(package="tests")
class GatedBackbone(Backbone):
    """A convolution whose channels are scaled by their means; `block1_conv` is in heads, too."""

    normalisation = "tf"

    def __init__(self, input_size: Size, name: str = "gated", **kwargs: Any) -> None:
        images = keras.Input((*input_size, 3))
        features = keras.layers.Conv2D(8, 32, strides=32, name="block1_conv")(images)
        means = keras.layers.GlobalAveragePooling2D(name="means")(features)
        gate = keras.layers.Reshape((1, 1, 8), name="gate")(means)
        features = keras.layers.Multiply(name="gated_conv")([features, gate])
        super().__init__(inputs=images, outputs=features, name=name, **kwargs)
        self.input_size = input_size

    def get_config(self) -> dict[str, Any]:
        return {"input_size": self.input_size, "name": self.name}


def build(backbone: Backbone, normalisation: str | None = None) -> SimpleBaseline:
    skeleton = Skeleton("eyes", ("left", "right"))
    head = HEADS["upsample_lite"](
        input_shape=backbone.output_shape[1:], num_keypoints=2, channels=(4, 4, 4), name="head"
    )
    metadata = ModelMetadata.from_preset(
        load_preset("mobilenetv2_upsample_lite"), skeleton, (64, 64)
    )
    return SimpleBaseline(backbone, head, metadata, normalisation)


@pytest.fixture(scope="session")
def gated() -> SimpleBaseline:
    return build(GatedBackbone((64, 64)))


@pytest.fixture
def reads_bgr() -> SimpleBaseline:
    """Its first convolution is given BGR."""
    return build(OneLayerBackbone((64, 64)), "caffe")
