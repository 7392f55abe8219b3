"""`simplebase tune`: the command that it prints in the end."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simplebase.tuning import TuningResult
from simplebase.tuning.tuning import TrialResult

Command = Callable[..., tuple[int, str, str]]

BEST = TrialResult(
    number=0, run_dir=Path("tuned/trial_000"), state="complete", values={}, val_pck=0.5
)


@pytest.fixture
def tune(command: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str | bool]]:
    """Runs `tune` without its trials, and returns the options of the `train` command."""
    Path("space.yaml").write_text("learning_rate: {low: 0.001, high: 0.02}\n")

    def done(*_: Any, **__: Any) -> TuningResult:
        return TuningResult((BEST,), BEST, Path("tuned/best.yaml"), Path("tuned/curves.png"))

    monkeypatch.setattr("simplebase.tuning.tune", done)
    monkeypatch.setattr("simplebase.cli.model_options.fetch_start", lambda *_: None)

    def run(*options: object) -> dict[str, str | bool]:
        code, output, _ = command(
            "tune", "--space", "space.yaml", "--output", "tuned", *map(str, options)
        )
        assert code == 0
        start, *words = shlex.split(output.rpartition("next: ")[2])
        assert (start, words.pop(0)) == ("simplebase", "train")
        found: dict[str, str | bool] = {}
        while words:
            name = words.pop(0)
            found[name] = True if not words or words[0].startswith("--") else words.pop(0)
        return found

    return run


def test_the_next_command_trains_as_the_trials_did(
    tune: Callable[..., dict[str, str | bool]], figures_folder: Path
) -> None:
    same = {"--dataset": str(figures_folder), "--recipe": "tuned/best.yaml"}
    assert tune("--dataset", figures_folder) == same | {"--preset": "mobilenetv2_upsample_lite"}
    # The model in the weights chooses preset and input size, which --preset would undo.
    given = {"--weights": "person-mini", "--seed": "7"}
    options = [word for pair in given.items() for word in pair]
    assert tune("--dataset", figures_folder, *options) == same | given
    given = {
        "--preset": "mobilenetv1_upsample_lite",
        "--backbone-weights": "none",
        "--input-size": "96x64",
    }
    options = [word for pair in given.items() for word in pair]
    found = tune("--dataset", figures_folder, *options, "--mixed-precision")
    assert found == same | given | {"--mixed-precision": True}


def test_drawn_figures_start_from_random_weights_again(
    tune: Callable[..., dict[str, str | bool]],
) -> None:
    assert tune()["--backbone-weights"] == "none"
