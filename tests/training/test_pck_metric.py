"""The Keras metric PCK counts as `simplebase.metrics` does."""

import keras
import numpy as np
import pytest

from simplebase import Crop, HeatmapCodec, ModelMetadata, Skeleton
from simplebase.errors import ArgumentError
from simplebase.metrics import pck, upstream_normaliser
from simplebase.training import PCK
from simplebase.training.pck import find_peaks

SIZE = (64, 48)
NAMES = ("a", "b", "c")


def points(seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Labelled and predicted keypoints, some pixels apart; the last one is never labelled."""
    random = np.random.default_rng(seed)
    labelled = random.uniform(0, 60, (count, 3, 3)).astype(np.float32)
    labelled[..., 2] = random.integers(0, 3, (count, 3))
    labelled[:, 2, 2] = 0
    predicted = labelled + random.normal(0, 4, labelled.shape).astype(np.float32)
    return labelled, predicted


def test_over_several_batches_it_is_the_pck_of_all_of_them() -> None:
    labelled, predicted = points(0)
    metric = PCK(0.5, normaliser=8.0, num_keypoints=3)
    for rows in (slice(0, 7), slice(7, 40)):
        metric.update_state(labelled[rows], predicted[rows])
    by_keypoint, mean = pck(
        predicted[..., :2],
        labelled[..., :2],
        labelled[..., 2] > 0,
        threshold=0.5,
        normaliser=np.full(40, 8.0),
    )
    assert 0.2 < mean < 0.8
    assert float(metric.result()) == pytest.approx(mean)
    np.testing.assert_allclose(metric.by_keypoint(), by_keypoint, rtol=1e-6)
    assert np.isnan(by_keypoint[2])
    metric.reset_state()
    assert np.isnan(float(metric.result()))


def test_the_normaliser_of_a_model_is_upstreams_in_pixels_of_its_input() -> None:
    crop = Crop(padding=1.6)
    metadata = ModelMetadata("any", SIZE, crop, HeatmapCodec(SIZE), Skeleton("any", NAMES))
    metric = PCK()
    metric.complete(metadata)
    assert metric.num_keypoints == 3
    for scale in (0.3, 2.0):
        magnification = crop.matrix(np.zeros(2), scale, SIZE)[0, 0]
        expected = upstream_normaliser(np.array([scale]), SIZE)[0] * magnification
        assert metric.normaliser == pytest.approx(expected)


def test_a_missing_normaliser_and_another_number_of_keypoints_are_refused() -> None:
    labelled, predicted = points(0)
    with pytest.raises(ArgumentError, match="needs normaliser and num_keypoints"):
        PCK(num_keypoints=3).update_state(labelled, predicted)
    metadata = ModelMetadata("any", SIZE, Crop(), HeatmapCodec(SIZE), Skeleton("any", NAMES))
    with pytest.raises(ArgumentError, match="for 2 keypoints, but the model has 3"):
        PCK(num_keypoints=2).complete(metadata)


def test_a_copy_made_from_its_config_counts_alike() -> None:
    labelled, predicted = points(1)
    metric = PCK(0.7, normaliser=5.0, num_keypoints=3, name="near")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert copy.name == "near"
    assert float(copy(labelled, predicted)) == float(metric(labelled, predicted)) > 0


@pytest.mark.parametrize("alignment", ["center", "corner", "upstream"])
def test_peaks_are_those_that_the_codec_decodes(alignment: str) -> None:
    codec = HeatmapCodec(SIZE, alignment=alignment)
    heatmaps = np.random.default_rng(0).normal(size=(5, 16, 12, 3)).astype(np.float32)
    expected, scores = codec.decode(heatmaps, "argmax")
    found = keras.ops.convert_to_numpy(find_peaks(heatmaps, codec))
    np.testing.assert_array_equal(found[..., :2], expected)
    np.testing.assert_array_equal(found[..., 2], scores)
