"""What unlabelled samples add to a step, by hand."""

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from simplebase import SimpleBaseline, Skeleton
from simplebase.augmentation import Augmentation
from simplebase.errors import ArgumentError
from simplebase.losses import LOSSES
from simplebase.presets import Preset, Recipe, load_recipe
from simplebase.training import distribute
from simplebase.training.step import TrainingStep
from simplebase.training.training_model import TrainingModel
from simplebase.training.unlabelled.branch import IMAGES, KEYPOINTS, UnlabelledBranch
from simplebase.training.unlabelled.pool import UnlabelledPool

SIZE = (64, 64)
SKELETON = Skeleton("three", ("left", "right", "top"), horizontal_pairs=(("left", "right"),))
FLIP = [{"name": "horizontal_flip", "probability": 1}]
STEPS = 5


def recipe(**unlabelled: Any) -> Recipe:
    """Two epochs of four labelled samples a step."""
    values = {"share": 0.2, "augmentation": FLIP, "ramp": 0.5, "weight": 3.0} | unlabelled
    changes = {"batch_size": 4, "total_epoch": 2, "unlabelled": values, "ema": 0.9}
    return load_recipe("quick").updated(changes)


@pytest.fixture
def pool(tmp_path: Path) -> UnlabelledPool:
    """Five images of noise with a teacher's keypoints, of which one in three is unsure."""
    values = np.random.default_rng(1)
    paths = [str(tmp_path / f"{number}.png") for number in range(5)]
    for path in paths:
        cv2.imwrite(path, values.integers(0, 256, (80, 80, 3), dtype=np.uint8))
    keypoints = np.empty((5, 3, 3))
    keypoints[..., :2] = values.uniform(10, 70, (5, 3, 2))
    keypoints[..., 2] = [0.9, 0.2, 0.5]
    return UnlabelledPool.from_boxes(paths, [(0, 0, 80, 80)] * 5).with_keypoints(keypoints)


@pytest.fixture
def model(one_layer_preset: Preset) -> SimpleBaseline:
    keras.utils.set_random_seed(3)
    return SimpleBaseline.from_preset(
        one_layer_preset, skeleton=SKELETON, input_size=SIZE, backbone_weights="none"
    )


def branch(pool: UnlabelledPool, model: SimpleBaseline, **unlabelled: Any) -> UnlabelledBranch:
    return UnlabelledBranch(pool, model.metadata, recipe(**unlabelled), STEPS, distribute())


def test_the_loss_is_that_of_the_student_on_flipped_views_over_all_keypoints(
    pool: UnlabelledPool, model: SimpleBaseline
) -> None:
    unlabelled = branch(pool, model)
    assert unlabelled.samples_per_step == 1 and unlabelled.keypoints_per_step == 3
    labelled = {
        "images": np.random.default_rng(2).integers(0, 256, (4, *SIZE, 3), dtype=np.uint8),
        "keypoints": np.full((4, 3, 3), 20, np.float32),
    }
    batches = unlabelled.add_to((each for each in [labelled]), 3, 1)
    [batch] = list(batches)
    image, keypoints = batch[IMAGES], batch[KEYPOINTS]
    row = unlabelled.rows(3, 1)[0]
    matrix = model.metadata.crop.box_matrix(np.array([0, 0, 80, 80]), SIZE)
    places = pool.keypoints[row, :, :2] @ matrix[:, :2].T + matrix[:, 2]
    # A canvas is sampled from whole pixels on, half a pixel off at most.
    np.testing.assert_allclose(keypoints[0, [0, 2], :2], places[[0, 2]], atol=0.51)
    np.testing.assert_array_equal(keypoints[0, :, 2], [2, 0, 2])

    twin = SimpleBaseline.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    codec = model.metadata.codec
    target, weights = codec.encode(labelled["keypoints"])
    error = (target - twin(labelled["images"], training=True)) ** 2
    expected = 20 * tf.reduce_sum(tf.reduce_mean(error, axis=(1, 2)) * weights) / 12
    moved = keypoints[:, [1, 0, 2]]
    moved[..., 0] = 63 - moved[..., 0]
    target, weights = codec.encode(moved)
    assert weights.tolist() == [[0, 1, 1]]
    error = (target - twin(image[:, :, ::-1], training=True)) ** 2
    own = 20 * tf.reduce_sum(tf.reduce_mean(error, axis=(1, 2)) * weights) / 3
    # After step 3 of the ramp's 5 the weight is 4/5 of 3.
    expected += 3 * 4 / 5 * own

    training_model = TrainingModel(
        model, Augmentation((), SIZE, SKELETON), LOSSES["weighted_mse"], 20.0
    )
    optimizer = keras.optimizers.SGD(0.0)
    optimizer.build(training_model.trainable_variables)
    distribution = distribute()
    step = TrainingStep(training_model, optimizer, distribution, unlabelled=unlabelled)
    result = step.start(distribution.share(batch), 3).result()
    np.testing.assert_allclose(result.loss, float(expected), rtol=1e-5)
    assert (result.pseudo_keypoints, result.pseudo_scores) == (2.0, 0.0)


def test_images_come_in_one_order_after_another_whatever_step_begins(
    pool: UnlabelledPool, model: SimpleBaseline
) -> None:
    unlabelled = branch(pool, model, share=0.34)
    assert unlabelled.samples_per_step == 2
    rows = unlabelled.rows(0, 10)
    assert all(sorted(rows[i : i + 5]) == [0, 1, 2, 3, 4] for i in range(0, 20, 5))
    assert rows[:5].tolist() != rows[5:10].tolist()
    np.testing.assert_array_equal(unlabelled.rows(4, 3), rows[8:14])


def test_an_epoch_without_a_step_left_gets_no_samples(
    pool: UnlabelledPool, model: SimpleBaseline
) -> None:
    """As after a stop during validation, when a whole number of passes over the pool is done."""
    unlabelled = branch(pool, model)
    assert len(pool) == STEPS * unlabelled.samples_per_step
    assert unlabelled.rows(STEPS, 0).tolist() == []
    assert list(unlabelled.add_to((each for each in []), STEPS, 0)) == []


def test_the_weight_rises_over_the_ramp(pool: UnlabelledPool, model: SimpleBaseline) -> None:
    rising = [float(branch(pool, model).loss_weight(step)) for step in (0, 1, 4, 9)]
    np.testing.assert_allclose(rising, [0.6, 1.2, 3.0, 3.0])
    assert float(branch(pool, model, ramp=0).loss_weight(0)) == 3


def test_fewer_images_than_a_step_takes_are_refused(
    pool: UnlabelledPool, model: SimpleBaseline
) -> None:
    with pytest.raises(ArgumentError, match="needs 6 unlabelled samples, but there are only 5"):
        branch(pool, model, share=0.6)


def test_views_that_are_no_harder_than_the_teachers_are_refused(
    pool: UnlabelledPool, model: SimpleBaseline
) -> None:
    plain = recipe(augmentation=None).updated({"augmentation": []})
    with pytest.raises(ArgumentError, match="no augmentation, so student .* would learn nothing"):
        UnlabelledBranch(pool, model.metadata, plain, STEPS, distribute())


@pytest.mark.parametrize("loss_type", ["mse", "mae"])
def test_a_loss_that_teaches_masked_keypoints_to_be_nowhere_is_refused(loss_type: str) -> None:
    with pytest.raises(
        ArgumentError, match=f"ignores keypoints without a label, but {loss_type} would"
    ):
        load_recipe("few").updated({"loss_type": loss_type})
