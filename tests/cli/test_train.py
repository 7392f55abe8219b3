"""`simplebase train` on what an earlier run left."""

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tiny_runs import one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset
from simplebase.errors import SimplebaseNote, SimplebaseWarning
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


def test_unlabelled_images_are_named_on_the_line_and_drawn_from_the_run(
    command: Command, first_run: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(8):
        (photos / f"{number}.png").write_bytes(figures.images.read(number))
    boxes = tmp_path / "boxes.json"
    boxes.write_text("[[0, 0, 100, 150]]")
    line = "--total-epoch 1 --ema 0.5 --run-dir few --unlabelled-settings"
    settings = "{method: mean-teacher, threshold: 0.9, augmentation: [{name: rotation}]}"
    words = [*line.split(), settings, "--unlabelled", photos, "--unlabelled-boxes", boxes]
    with warnings.catch_warnings():
        warnings.simplefilter("always", SimplebaseWarning)
        code, output, error = command("train", "--config", first_run, *words)
    assert code == 0, error
    assert "8 objects without labels, 8 in each step" in output and "0.0%" in output
    printed = " ".join((output + error).split())
    assert "epoch 1: no pseudo keypoint reached the threshold 0.9" in printed
    config = yaml.safe_load(Path("few/config.yaml").read_text())
    assert config["unlabelled_images"]["sources"] == [str(photos)]
    assert config["recipe"]["unlabelled"]["share"] == 0.5
    assert losses("few")[0] > 0
    code, output, error = command("data", "view", "--pseudo", "few")
    assert code == 0, error
    assert Path("few_pseudo.png").is_file() and "few_pseudo.png: a sheet of pseudo" in output


def test_self_training_compares_the_student_with_its_teacher(
    command: Command, first_run: Path, figures_folder: Path
) -> None:
    # The run's own images are left out, but not copies of them.
    shutil.copytree(figures_folder / "images", "photos")
    line = (
        "--total-epoch 1 --learning-rate 0.01 --run-dir self --json self.json --unlabelled photos"
    )
    words = [*line.split(), "--unlabelled-settings", "{threshold: 0.0001, mirror: 0.5}"]
    words += ["--augmentation", "[{name: rotation}]"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimplebaseNote)
        code, output, error = command("train", "--config", first_run, *words)
    assert code == 0, error
    result = json.loads(Path("self.json").read_text())
    summary = json.loads(Path("self/summary.json").read_text())
    assert result["teacher_val_pck"] == summary["teacher_val_pck"] is not None
    assert (
        f"val PCK@0.5 of the teacher, trained on the labels alone: {result['teacher_val_pck']:.3f}"
        in output
    )
    is_student = result["val_pck"] > result["teacher_val_pck"]
    best = result["best" if is_student else "teacher"]
    assert f"best checkpoint: {best}" in output and f"simplebase eval {best}" in output
    assert ("the unlabelled images did not help" in output) != is_student
    code, _, error = command("report", "self")
    assert code == 0, error
    report = Path("self/report.html").read_text(encoding="utf-8")
    assert f"Best val PCK of the teacher: {result['teacher_val_pck']:.3f}, of this run: " in report
    assert f"simplebase eval {best}" in report
    assert ("use the teacher" in report) != is_student


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--unlabelled-settings", "{treshold: 0.2}"], "did you mean 'threshold'?"),
        (["--unlabelled-settings", "{method: average}"], "'self-training' or 'mean-teacher'"),
        (["--unlabelled-boxes", "boxes.json"], "need --unlabelled"),
        (["--unlabelled-settings", "3"], "must be a mapping such as"),
        (["--unlabelled-settings", "{share: 2}"], "unlabelled.share"),
        (["--unlabelled", "nowhere"], "nowhere"),
        (["--recipe", "few"], "Give --unlabelled, --teacher or both"),
        (["--teacher", "nowhere.keras", "--augmentation", "[{name: rotation}]"], "nowhere.keras"),
    ],
)
def test_unlabelled_options_that_do_not_fit_end_with_a_sentence(
    command: Command, first_run: Path, line: list[str], message: str
) -> None:
    code, _, error = command("train", "--config", first_run, "--run-dir", "refused", *line)
    assert code != 0 and message in error
    assert not Path("refused").exists()
