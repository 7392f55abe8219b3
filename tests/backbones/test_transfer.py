"""Starting from ImageNet: our backbones answer what `keras.applications` answers."""

from functools import partial

import keras
import numpy as np
import pytest

from simplebase.backbones import (
    MobileNetV1Backbone,
    MobileNetV3LargeBackbone,
    MobileNetV3SmallBackbone,
    PeleeNetBackbone,
    ResNetBackbone,
)
from simplebase.errors import ArgumentError
from simplebase.images import read_image, warp_image
from simplebase.normalisation import Normalisation

SIZE = (96, 64)


@pytest.mark.parametrize(
    "build, application, arguments",
    [
        (MobileNetV1Backbone, keras.applications.MobileNet, {}),
        (
            MobileNetV3LargeBackbone,
            keras.applications.MobileNetV3Large,
            {"include_preprocessing": False},
        ),
        (
            MobileNetV3SmallBackbone,
            keras.applications.MobileNetV3Small,
            {"include_preprocessing": False},
        ),
        (ResNetBackbone, keras.applications.ResNet50, {}),
        (partial(ResNetBackbone, depth=101), keras.applications.ResNet101, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_of_keras_applications_gives_its_features(build, application, arguments, tmp_path):
    backbone = build(SIZE)
    source = application(input_shape=(*SIZE, 3), weights=None, include_top=False, **arguments)
    source.save_weights(tmp_path / "source.weights.h5")
    backbone.load_file(tmp_path / "source.weights.h5")
    images = np.random.default_rng(0).normal(size=(2, *SIZE, 3)).astype(np.float32)
    expected = source(images, training=False)
    np.testing.assert_allclose(
        backbone(images, training=False), expected, rtol=0, atol=1e-5 * np.ptp(expected)
    )


def test_the_imagenet_file_of_mobilenet_gives_its_features_of_photographs(shared):
    file = shared / "weights/mobilenet_v1_1.0_224_top.weights.h5"
    photographs = sorted((shared / "data/people").glob("*.jpg"))
    images = np.stack([_squeezed(read_image(path), 224) for path in photographs])
    application = keras.applications.MobileNet(weights=None)
    application.load_weights(file)
    features = keras.Model(application.input, application.get_layer("conv_pw_13_relu").output)
    prepared = keras.applications.mobilenet.preprocess_input(images.astype(np.float32))
    expected = features(prepared, training=False)

    backbone = MobileNetV1Backbone((224, 224))
    backbone.load_file(file)
    ours = backbone(Normalisation(backbone.normalisation)(images), training=False)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)
    # Upstream feeds 0 to 1 less a mean, a range that these weights never saw.
    upstream = backbone(Normalisation("upstream")(images), training=False)
    assert np.abs(upstream - expected).mean() > 0.2 * np.abs(expected).mean()


def test_without_weights_in_keras_an_error_says_so():
    with pytest.raises(ArgumentError, match="no weights for peleenet"):
        PeleeNetBackbone(SIZE).load_imagenet()


def _squeezed(image, side):
    height, width = image.shape[:2]
    return warp_image(image, np.diag([side / width, side / height, 1])[:2], (side, side))
