"""The built-in presets as a set."""

import itertools

from simplebase import load_preset, preset_names

BACKBONES = (
    "resnet50",
    "mobilenetv1",
    "mobilenetv2",
    "mobilenetv3large",
    "mobilenetv3small",
    "peleenet",
    "ghostnet",
)
HEADS = ("deconv", "upsample", "upsample_lite")


# The paper's deeper networks, which upstream does not have.
DEEPER = {"resnet101_deconv", "resnet152_deconv"}


def test_there_is_a_preset_for_each_backbone_and_head_under_upstreams_name():
    expected = {f"{backbone}_{head}" for backbone, head in itertools.product(BACKBONES, HEADS)}
    expected |= DEEPER
    assert set(preset_names()) == expected
    for name in expected:
        preset = load_preset(name)
        assert f"{preset.backbone.name}_{preset.head.name}" == name


def test_every_preset_has_its_measured_cost():
    costs = {name: (load_preset(name).params, load_preset(name).gflops) for name in preset_names()}
    assert all(params > 1e6 and gflops > 0.5 for params, gflops in costs.values())
    assert len(set(costs.values())) == len(costs)
