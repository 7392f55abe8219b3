"""Each preset trains. Slow: it traces 21 networks, and finds what no family's own test can."""

import numpy as np
import pytest
import tensorflow as tf

from simplebase import load_recipe, preset_names, train


class Losses:
    """An observer that keeps the loss of each step."""

    def __init__(self):
        self.values = []

    def stepped(self, epoch, step, loss):
        self.values.append(loss)

    def started(self, *counts):
        pass

    validating = epoch_ended = started


@pytest.fixture
def unoptimised_graphs():
    """TensorFlow spends longer on optimising 21 large graphs than 16 steps of each take."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options(before or {"disable_meta_optimizer": False})


@pytest.mark.slow
@pytest.mark.parametrize("name", preset_names())
def test_one_epoch_lowers_the_loss(name, figures, tmp_path, unoptimised_graphs):
    # SGD has a tenth of Adam's operations a weight, which halves the time to trace a network.
    recipe = load_recipe("quick").updated(
        {"total_epoch": 1, "batch_size": 2, "optimizer": "sgd", "learning_rate": 0.002}
    )
    losses = Losses()
    train(
        name,
        figures,
        run_dir=tmp_path / "run",
        recipe=recipe,
        input_size=(64, 64),
        backbone_weights="none",
        observer=losses,
    )
    assert len(losses.values) == 16
    assert np.mean(losses.values[-4:]) < 0.95 * np.mean(losses.values[:4])
