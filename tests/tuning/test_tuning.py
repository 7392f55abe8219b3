"""Trials are runs; what stops is gone on with; the best recipe is kept."""

import sys
from pathlib import Path

import pytest
from tiny_runs import one_layer_network, tiny_recipe

from simplebase import KeypointDataset, TrainingOptions, load_recipe
from simplebase.errors import ArgumentError, MissingPackageError, OutputExistsError
from simplebase.training import EpochMetrics
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.metrics import read_metrics
from simplebase.tuning import Space, TuningResult, read_space, tune

pytestmark = [
    pytest.mark.slow,
    # Each trial collects garbage, also what other tests have left behind, such as an event loop.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OPTIONS = TrainingOptions(recipe=tiny_recipe(), backbone_weights="none")


@pytest.fixture
def space(tmp_path: Path) -> Space:
    file = tmp_path / "space.yaml"
    file.write_text("learning_rate: {low: 0.001, high: 0.02, log: true}\noptimizer: [adam, sgd]\n")
    return read_space(file)


class Killed(Exception):
    """What ends the process in the middle."""


def test_a_study_goes_on_where_it_was_killed_and_keeps_the_best_recipe(
    figures: KeypointDataset, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optuna = pytest.importorskip("optuna", reason='pip install "simplebase[tune]"')
    folder = tmp_path / "study"
    told: list[tuple[int, int]] = []

    def observe(number: int, metrics: EpochMetrics) -> None:
        told.append((number, metrics.epoch))
        if told == [(0, 1), (0, 2), (1, 1)]:
            raise Killed

    def run(trials: int) -> TuningResult:
        with one_layer_network() as preset:
            return tune(
                preset, figures, space, OPTIONS, folder=folder, trials=trials, observe=observe
            )

    with pytest.raises(Killed):
        run(3)
    before = read_metrics(folder / "trial_001")
    # The last trial is the worst, whatever it gives.
    monkeypatch.setattr(
        optuna.pruners.MedianPruner, "prune", lambda pruner, study, trial: trial.number == 2
    )
    result = run(3)
    assert told == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1)]
    assert read_metrics(folder / "trial_001")[:1] == before
    assert [each.state for each in result.trials] == ["complete", "complete", "stopped"]
    for each in result.trials:
        recipe = RunConfig.read(each.run_dir).recipe
        assert {name: getattr(recipe, name) for name in each.values} == each.values
        assert each.val_pck == max(m.val_pck or 0 for m in read_metrics(each.run_dir))
        assert 0.001 <= recipe.learning_rate <= 0.02
    best = max(result.trials[:2], key=lambda each: each.val_pck or 0)
    assert result.best == best
    recipe = load_recipe(result.recipe_file)
    assert recipe == tiny_recipe().updated(
        {**best.values, "name": "tuned", "description": recipe.description}
    )
    assert result.curves.read_bytes().startswith(b"\x89PNG")
    # Nothing is left to do.
    assert run(3).trials == result.trials and len(told) == 5
    with one_layer_network() as preset, pytest.raises(OutputExistsError, match="another options"):
        other = TrainingOptions(recipe=tiny_recipe(sigma=3.0), backbone_weights="none")
        tune(preset, figures, space, other, folder=folder, trials=4)


def test_bad_input_is_refused_before_the_first_trial(
    figures: KeypointDataset, space: Space, tmp_path: Path
) -> None:
    pytest.importorskip("optuna", reason='pip install "simplebase[tune]"')
    folder = tmp_path / "study"
    with one_layer_network() as preset:
        with pytest.raises(ArgumentError, match="--trials"):
            tune(preset, figures, space, OPTIONS, folder=folder, trials=0)
        assert not folder.exists()
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
        with pytest.raises(OutputExistsError, match="not a folder of"):
            tune(preset, figures, space, OPTIONS, folder=folder)


def test_without_optuna_the_error_says_how_to_install_it(
    figures: KeypointDataset, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with (
        one_layer_network() as preset,
        pytest.raises(MissingPackageError, match=r'pip install "simplebase\[tune\]"'),
    ):
        tune(preset, figures, space, OPTIONS, folder=tmp_path / "study")
    assert not (tmp_path / "study").exists()
