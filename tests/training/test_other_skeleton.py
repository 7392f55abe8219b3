"""A training that starts from a model of another skeleton."""

from pathlib import Path

import numpy as np
import pytest
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, SimpleBaseline, Skeleton, load_model
from simplebase.errors import SimplebaseNote
from simplebase.heads import PREDICTION_LAYER
from simplebase.training import resume
from simplebase.training.runs.folder import Run

RECIPE = tiny_recipe(total_epoch=2, learning_rate=1e-12)


class Cut(Exception):
    """Stands for a kill."""


# pytest.warns repeats Keras's own warning from another module than the one that is let through.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_it_matches_keypoints_once_and_a_resumed_run_goes_on_from_there(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    names = figures.skeleton.keypoints
    shared = ("nose", *reversed(names[4:]))
    with one_layer_network() as preset:
        source = SimpleBaseline.from_preset(
            preset, skeleton=Skeleton("people", shared), input_size=(64, 64),
            backbone_weights="none",
        )  # fmt: skip
    layer = source.head.get_layer(PREDICTION_LAYER)
    layer.bias.assign(np.arange(len(shared), dtype=np.float32))
    source.save(tmp_path / "people.keras")

    def cut() -> None:
        raise Cut

    new = ", ".join(names[:4])
    expected = rf"12 of 16 keypoints start from people.keras; untrained: {new}\."
    with pytest.raises(Cut), pytest.warns(SimplebaseNote, match=expected):
        train_tiny(
            figures,
            tmp_path / "run",
            recipe=RECIPE,
            observer=Recorder(cut, after=(2, 1)),
            weights=tmp_path / "people.keras",
            backbone_weights="auto",
        )
    # The state has the weights: the file may be gone, and nothing is matched or said again.
    (tmp_path / "people.keras").unlink()
    observer = Recorder()
    with one_layer_network():
        resume(tmp_path / "run", dataset=figures, observer=observer)
    assert observer.places[0] == (2, 1)
    bias = load_model(Run(tmp_path / "run").last).head.get_layer(PREDICTION_LAYER).bias.numpy()
    # So small steps move nothing.
    np.testing.assert_allclose(bias, [0, 0, 0, 0, *range(len(shared) - 1, 0, -1)], atol=1e-4)
