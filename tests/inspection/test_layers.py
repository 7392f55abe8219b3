"""The layers' figures are those of the whole model, divided up."""

import pytest

from simplebase import SimpleBaseline, load_preset
from simplebase.cost import count_gflops, count_params
from simplebase.errors import ArgumentError
from simplebase.inspection import LayerDescription, describe_layers, find_layer
from simplebase.inspection.layers import layer_paths


def parts_with_layers(layer: LayerDescription) -> list[LayerDescription]:
    inner = [part for one in layer.layers for part in parts_with_layers(one)]
    return [layer, *inner] if layer.layers else inner


@pytest.mark.parametrize("name", ["mobilenetv1_upsample_lite", "ghostnet_deconv"])
def test_the_totals_are_those_that_presets_lists(name: str) -> None:
    preset = load_preset(name)
    model = SimpleBaseline.from_preset(preset, 16, backbone_weights="none")
    network = describe_layers(model)
    assert network.params == count_params(model) == preset.params
    assert network.gflops == count_gflops(model, preset.input_size)
    assert round(network.gflops, 3) == preset.gflops
    assert len(parts_with_layers(network)) == 3
    for part in parts_with_layers(network):
        assert part.params == sum(layer.params for layer in part.layers)
        assert part.multiply_adds == sum(layer.multiply_adds for layer in part.layers)


def test_a_layer_says_what_it_is(gated: SimpleBaseline) -> None:
    normalisation, backbone, head = describe_layers(gated).layers
    assert normalisation == LayerDescription("normalisation", "Normalisation", (64, 64, 3), 0, 0)
    assert (backbone.path, backbone.type, head.name) == ("gated", "GatedBackbone", "head")
    kernel = 32 * 32 * 3 * 8
    assert backbone.layers[:2] == (
        LayerDescription("gated/block1_conv", "Conv2D", (2, 2, 8), kernel + 8, 2 * 2 * kernel),
        LayerDescription("gated/means", "GlobalAveragePooling2D", (8,), 0, 0),
    )
    assert head.layers[-1] == LayerDescription(
        "head/heatmaps", "Conv2D", (16, 16, 2), 4 * 2 + 2, 16 * 16 * 4 * 2
    )
    assert head.layers[-1].to_config() == {
        "path": "head/heatmaps",
        "type": "Conv2D",
        "output_shape": [16, 16, 2],
        "params": 10,
        "gflops": 2 * 16 * 16 * 8 / 1e9,
    }
    assert [layer["path"] for layer in backbone.to_config()["layers"]][-1] == "gated/gated_conv"


def test_paths_are_in_the_order_of_computation(gated: SimpleBaseline) -> None:
    paths = list(layer_paths(gated))
    assert paths[:3] == ["normalisation", "gated", "gated/block1_conv"]
    assert paths[-1] == "head/heatmaps"


@pytest.mark.parametrize("name", ["means", "gated/means"])
def test_a_layer_is_found_by_name_and_by_path(gated: SimpleBaseline, name: str) -> None:
    path, layer = find_layer(gated, name)
    assert path == "gated/means" and layer is gated.backbone.get_layer("means")


def test_an_unknown_layer_is_told_with_the_nearest(gated: SimpleBaseline) -> None:
    with pytest.raises(ArgumentError, match="no layer 'heatmap'. Nearest: heatmaps"):
        find_layer(gated, "heatmap")
    with pytest.raises(ArgumentError, match="`simplebase inspect MODEL` lists them all"):
        find_layer(gated, "??")


def test_a_name_of_two_layers_needs_a_path(gated: SimpleBaseline) -> None:
    with pytest.raises(
        ArgumentError,
        match="several parts have a layer 'block1_conv': gated/block1_conv, head/block1_conv",
    ):
        find_layer(gated, "block1_conv")
    assert find_layer(gated, "head/block1_conv")[0] == "head/block1_conv"
