"""The sizes that papers and upstream publish: a wrong layer shows in them."""

import pytest

from simplebase import SimpleBaseline, load_preset
from simplebase.backbones import GhostNetBackbone, PeleeNetBackbone
from simplebase.cost import count_gflops, count_params

IMAGENET_SIZE = (224, 224)
CLASSES = 1000


def test_peleenet_with_its_classifier_has_the_size_of_the_paper():
    """Table 5 of arXiv 1804.06882: 2.8 M parameters, 508 M multiply-adds."""
    backbone = PeleeNetBackbone(IMAGENET_SIZE)
    classifier = 704 * CLASSES + CLASSES
    assert (count_params(backbone) + classifier) / 1e6 == pytest.approx(2.8, abs=0.05)
    multiply_adds = count_gflops(backbone, IMAGENET_SIZE) * 1e3 / 2 + 704 * CLASSES / 1e6
    assert multiply_adds == pytest.approx(508, rel=0.01)


def test_ghostnet_with_its_classifier_has_the_size_of_the_paper():
    """Table 7 of arXiv 1911.11907: 5.2 M parameters, 141 M multiply-adds."""
    backbone = GhostNetBackbone(IMAGENET_SIZE)
    classifier = 960 * 1280 + 1280 + 1280 * CLASSES + CLASSES
    assert (count_params(backbone) + classifier) / 1e6 == pytest.approx(5.2, abs=0.05)
    multiply_adds = count_gflops(backbone, IMAGENET_SIZE) * 1e3 / 2 + classifier / 1e6
    assert multiply_adds == pytest.approx(141, rel=0.01)


@pytest.mark.parametrize(
    "name, keypoints, millions, gflops",
    [
        ("resnet50_deconv", 16, 34.03, 13.95),
        ("mobilenetv2_deconv", 16, 9.57, 4.19),
        ("mobilenetv2_upsample_lite", 16, 2.70, 1.69),
        ("mobilenetv3large_deconv", 17, 9.01, 3.81),
    ],
)
def test_presets_have_the_sizes_that_upstream_publishes(name, keypoints, millions, gflops):
    preset = load_preset(name)
    model = SimpleBaseline.from_preset(preset, keypoints, backbone_weights="none")
    assert count_params(model) / 1e6 == pytest.approx(millions, rel=0.02)
    assert count_gflops(model, preset.input_size) == pytest.approx(gflops, rel=0.02)
    # The YAML's own figures are for 16 keypoints: a keypoint is 257 weights of the last layer.
    assert preset.params == count_params(model) - 257 * (keypoints - 16)
    last_layer = 2 * 256 * (keypoints - 16) * 64 * 64 / 1e9
    assert preset.gflops == pytest.approx(count_gflops(model, (256, 256)) - last_layer, abs=1e-3)
