"""Each preset trains. Slow: it traces 21 networks, and finds what no family's own test can."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import Recorder

from simplebase import TrainingOptions, load_recipe, preset_names, train


@pytest.fixture
def unoptimised_graphs():
    """TensorFlow spends longer on optimising 21 large graphs than 16 steps of each take."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options(before or {"disable_meta_optimizer": False})


# The deeper ResNets are ResNet-50's class with more of its blocks, and take minutes to trace.
NAMES = [name for name in preset_names() if not name.startswith(("resnet101", "resnet152"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_one_epoch_lowers_the_loss(name, figures, tmp_path, unoptimised_graphs):
    # SGD has a tenth of Adam's operations a weight, which halves the time to trace a network.
    recipe = load_recipe("quick").updated(
        {"total_epoch": 1, "batch_size": 2, "optimizer": "sgd", "learning_rate": 0.002}
    )
    recorder = Recorder()
    train(
        name,
        figures,
        TrainingOptions(recipe=recipe, input_size=(64, 64), backbone_weights="none"),
        run_dir=tmp_path / "run",
        observer=recorder,
    )
    assert len(recorder.losses) == 16
    assert np.mean(recorder.losses[-4:]) < 0.95 * np.mean(recorder.losses[:4])
