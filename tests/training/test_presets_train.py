"""Each backbone and each head trains. Slow: it traces nine networks.

`benchmarks/every_preset.py` trains all 21 pairs and the deeper ResNets the same way. A head is the
same layers on each backbone, so a pair adds little that its two parts do not show.
"""

import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import Recorder

from simplebase import TrainingOptions, load_recipe, preset_names, train
from simplebase.backbones import BACKBONES
from simplebase.heads import HEADS


@pytest.fixture
def unoptimised_graphs():
    """TensorFlow spends longer on optimising nine large graphs than 16 steps of each take."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options(before or {"disable_meta_optimizer": False})


# The deeper ResNets are ResNet-50's class with more of its blocks, and take minutes to trace.
LIGHT = [name for name in BACKBONES if name not in ("resnet101", "resnet152")]
NAMES = [f"{name}_upsample_lite" for name in LIGHT]
NAMES += [f"mobilenetv1_{head}" for head in HEADS if head != "upsample_lite"]


def test_every_part_is_trained():
    deeper = {"resnet101_deconv", "resnet152_deconv"}
    pairs = [name.split("_", 1) for name in set(preset_names()) - deeper]
    assert {backbone for backbone, _ in pairs} == {name.split("_", 1)[0] for name in NAMES}
    assert {head for _, head in pairs} == {name.split("_", 1)[1] for name in NAMES}


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
