"""`simplebase train` on what an earlier run left."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tiny_runs import one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset
from simplebase.training.runs.curves import read_metrics

# Its fixtures train or build models: on one worker they are made once.
pytestmark = pytest.mark.xdist_group("test_train")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def one_layer() -> Iterator[None]:
    """The commands are looked at, not the network."""
    with one_layer_network():
        yield


@pytest.fixture(scope="module")
def first_run(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs; not to be written to."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    train_tiny(figures, folder, recipe=tiny_recipe(augmentation=()), seed=3)
    return folder


def losses(run: str | Path) -> list[float]:
    return [row.loss for row in read_metrics(run)]


def test_config_trains_as_that_run_did_but_for_the_options_given(
    command: Command, first_run: Path
) -> None:
    code, output, error = command("train", "--config", first_run, "--run-dir", "again")
    assert code == 0, error
    assert "again/checkpoints/best.keras" in output
    assert losses("again") == pytest.approx(losses(first_run), rel=1e-4)

    line = "--run-dir other --total-epoch 1 --optimizer sgd --batch-size 32"
    code, _, error = command("train", "--config", first_run, *line.split())
    assert code == 0, error
    config, earlier = (
        yaml.safe_load((Path(run) / "config.yaml").read_text()) for run in ("other", first_run)
    )
    changed = {"total_epoch": 1, "optimizer": "sgd", "batch_size": 32}
    assert config == earlier | {"recipe": earlier["recipe"] | changed}


def test_resume_needs_no_more_than_the_folder(command: Command, first_run: Path) -> None:
    # As a kill in the first epoch leaves it.
    Path("stopped/checkpoints").mkdir(parents=True)
    shutil.copy(first_run / "config.yaml", "stopped")
    code, output, error = command("train", "--resume", "stopped", "--json", "result.json")
    assert code == 0, error
    assert losses("stopped") == pytest.approx(losses(first_run), rel=1e-4)
    assert "best checkpoint: stopped/checkpoints/best.keras" in output
    assert len(json.loads(Path("result.json").read_text())["epochs"]) == 2


def test_config_trains_on_another_dataset_if_one_is_given(
    command: Command, first_run: Path, copied: KeypointDataset
) -> None:
    code, _, error = command(
        "train", "--config", first_run, "--run-dir", "other", "--dataset", copied.name
    )
    assert code == 0, error
    config = yaml.safe_load(Path("other/config.yaml").read_text())
    assert config["dataset"]["folder"] == copied.name


def test_config_starts_from_a_whole_model_if_one_is_given(
    command: Command, first_run: Path
) -> None:
    best = first_run / "checkpoints" / "best.keras"
    code, _, error = command(
        "train", "--config", first_run, "--run-dir", "longer", "--weights", best
    )
    assert code == 0, error
    assert losses("longer")[0] < losses(first_run)[0]
