"""Weights from one network to another of the same layers, and keypoint by keypoint in the last."""

from pathlib import Path

import keras
import numpy as np
import pytest
from model_checks import OneLayerBackbone
from tiny_runs import one_layer_network

from simplebase import SimpleBaseline, Skeleton
from simplebase.errors import DataError, SimplebaseNote
from simplebase.heads import HEADS, PREDICTION_LAYER
from simplebase.skeletons.matching import match_keypoints
from simplebase.transfer import copy_head, copy_layers

ABC, CDA = Skeleton("abc", ("a", "b", "c")), Skeleton("cda", ("c", "d", "a", "e", "f"))


def head(channels_in: int, num_keypoints: int, name: str = "deconv") -> keras.Model:
    """With random values everywhere, so that nothing is equal by chance."""
    made = HEADS[name]((2, 2, channels_in), num_keypoints, channels=(4, 4, 4))
    rng = np.random.default_rng(num_keypoints)
    for weight in made.weights:
        weight.assign(rng.random(weight.shape))
    return made


@pytest.mark.parametrize("name", HEADS)
def test_a_keypoint_starts_from_the_one_of_its_name_and_the_others_anew(name: str) -> None:
    mine, theirs = head(4, 3, name), head(4, 5, name)
    features = np.random.default_rng(0).random((1, 2, 2, 4), np.float32)
    start = mine.get_layer(PREDICTION_LAYER).get_weights()
    trained = np.asarray(theirs(features))
    copy_head(mine, theirs, match_keypoints(ABC, CDA))
    # a and c answer as they did; b keeps its weights.
    answers = np.asarray(mine(features))
    np.testing.assert_array_equal(answers[..., [0, 2]], trained[..., [2, 0]])
    for before, after in zip(start, mine.get_layer(PREDICTION_LAYER).get_weights(), strict=True):
        np.testing.assert_array_equal(after[..., 1], before[..., 1])


def test_as_many_keypoints_in_another_order_are_put_in_order() -> None:
    mine, theirs = head(4, 3), head(4, 3)
    mine.set_weights([np.zeros_like(value) for value in mine.get_weights()])
    copy_head(mine, theirs, match_keypoints(ABC, Skeleton("bca", ("b", "c", "a"))))
    kernel, bias = (weight.numpy() for weight in theirs.get_layer(PREDICTION_LAYER).weights)
    found = mine.get_layer(PREDICTION_LAYER).get_weights()
    np.testing.assert_array_equal(found[0], kernel[..., [2, 0, 1]])
    np.testing.assert_array_equal(found[1], bias[[2, 0, 1]])


@pytest.mark.parametrize("theirs_for", [ABC, CDA], ids=["same keypoints", "others"])
def test_another_width_below_is_an_error_and_nothing_is_copied(theirs_for: Skeleton) -> None:
    mine, theirs = head(4, 3), head(8, theirs_for.num_keypoints)
    start = mine.get_weights()
    with pytest.raises(DataError, match=r"with the shape .*4, 4, 4, 8.* has .*4, 4, 4, 4"):
        copy_head(mine, theirs, match_keypoints(ABC, theirs_for))
    unchanged = zip(start, mine.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in unchanged)


def test_a_backbone_has_no_layer_that_may_differ() -> None:
    mine, theirs = OneLayerBackbone((64, 64)), OneLayerBackbone((32, 32))
    copy_layers(mine, theirs)
    for one, other in zip(mine.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def own_head(last: keras.layers.Layer) -> keras.Model:
    features = keras.Input((2, 2, 4))
    outputs = last(keras.layers.UpSampling2D(8, name="up")(features))
    return keras.Model(features, outputs, name="own")


def test_the_last_convolution_of_an_own_head_is_matched_and_other_layers_are_refused() -> None:
    match = match_keypoints(ABC, Skeleton("bca", ("b", "c", "a")))
    mine, theirs = (own_head(keras.layers.Conv2D(3, 1, name="last")) for _ in range(2))
    # Keras names inputs by number.
    theirs = keras.Model.from_config(mine.get_config())
    theirs.set_weights([np.random.default_rng(1).random(w.shape) for w in mine.weights])
    copy_head(mine, theirs, match)
    np.testing.assert_array_equal(mine.get_weights()[1], theirs.get_weights()[1][[2, 0, 1]])
    other = own_head(keras.layers.Conv2DTranspose(3, 1, name="last"))
    with pytest.raises(DataError, match=r"own does not end in a Conv2D.* in this order: b, c, a\."):
        copy_head(other, keras.Model.from_config(other.get_config()), match)


# pytest.warns repeats Keras's own warning from another module than the one that is let through.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_preset_starts_from_a_file_by_name_and_says_so(tmp_path: Path) -> None:
    with one_layer_network() as preset:
        arguments = {"input_size": (64, 64)}
        source = SimpleBaseline.from_preset(
            preset, skeleton=CDA, backbone_weights="none", **arguments
        )
        path = tmp_path / "cda.keras"
        source.save(path)
        with pytest.warns(
            SimplebaseNote, match="2 of 3 keypoints start from cda.keras; untrained: b."
        ):
            model = SimpleBaseline.from_preset(preset, skeleton=ABC, weights=path, **arguments)
        images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
        mine, theirs = (each.predict(images, verbose=0) for each in (model, source))
        np.testing.assert_array_equal(mine[..., [0, 2]], theirs[..., [2, 0]])
        # The same keypoints need no words: warnings are errors in these tests.
        same = SimpleBaseline.from_preset(preset, skeleton=CDA, weights=path, **arguments)
    np.testing.assert_array_equal(same.predict(images, verbose=0), theirs)
