"""Fixtures of the tests that train."""

from collections.abc import Iterator

import pytest
import tensorflow as tf
from tiny_runs import one_layer_network

from simplebase.presets import Preset


@pytest.fixture
def one_layer_preset() -> Iterator[Preset]:
    """A network that traces in a second, for what does not depend on the network."""
    with one_layer_network() as preset:
        yield preset


@pytest.fixture
def eager_steps() -> Iterator[None]:
    """TensorFlow runs steps as they stand: of few, that takes half of the time to trace one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
