"""Where the canvases come from changes nothing of a training."""

from pathlib import Path

import numpy as np
import pytest
from tiny_runs import Recorder, train_tiny

from simplebase import KeypointDataset
from simplebase.data.pipeline import CacheMode


@pytest.mark.slow
def test_a_cache_changes_no_loss(figures: KeypointDataset, tmp_path: Path) -> None:
    def losses(cache: CacheMode) -> list[float]:
        recorder = Recorder()
        train_tiny(figures, tmp_path / cache, cache=cache, observer=recorder)
        return recorder.losses

    # The second epoch finds what the first kept.
    plain = losses("none")
    assert len(set(plain)) == 8
    # Sums over threads may differ in their last bits.
    np.testing.assert_allclose(losses("memory"), plain, rtol=1e-6)
