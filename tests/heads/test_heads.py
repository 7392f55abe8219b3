"""Heads: what all families share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_checks import CHECKS, Parts, on_one_worker

from simplebase.heads import HEADS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", on_one_worker(HEADS))
def test_every_head(name: str, check: Callable[[Parts, Path], None], tmp_path: Path) -> None:
    check(Parts(head=name), tmp_path)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_starts_near_the_empty_heatmap(name: str) -> None:
    """Most of a heatmap is 0; a start far from it costs the loss its first climb down."""
    head = HEADS[name](input_shape=(4, 4, 32), num_keypoints=5)
    features = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 32)).astype(np.float32)
    assert np.abs(head(features, training=True)).max() < 0.2


@pytest.mark.parametrize("name", HEADS)
def test_every_head_doubles_the_resolution_a_block(name: str) -> None:
    head = HEADS[name](input_shape=(4, 6, 8), num_keypoints=5, channels=(4, 4))
    assert head.output_shape == (None, 16, 24, 5)
