"""`simplebase data merge`, `split` and `select`: what they print, write and return."""

import json
from collections.abc import Callable
from pathlib import Path

from simplebase import load_dataset

Command = Callable[..., tuple[int, str, str]]


def test_merge_prints_and_writes_what_it_joined(
    command: Command, figures_folder: Path, copied: object, tmp_path: Path
) -> None:
    code, output, error = command(
        *("data", "merge", figures_folder, tmp_path / "copy", "both"),
        *("--images", "link", "--json", "report.json"),
    )
    assert (code, error) == (0, "")
    assert "copy: 40 records, 40 images" in output
    report = json.loads(Path("report.json").read_text())
    assert (report["train_records"], report["val_records"]) == (64, 16)
    both = load_dataset("both")
    assert len(both) == 80 and both.skeleton.keypoints[0] == "right_ankle"
    assert (both.images.folder / "copy" / "000003.jpg").is_symlink()  # type: ignore[attr-defined]


def test_a_refused_merge_leaves_nothing(command: Command, figures_folder: Path) -> None:
    code, _, error = command("data", "merge", figures_folder, figures_folder, "both")
    assert code == 2 and "given twice" in error and "Traceback" not in error
    assert list(Path.cwd().iterdir()) == []


def test_split_says_how_many_groups_it_holds_out(command: Command, figures_folder: Path) -> None:
    arguments = ("data", "split", figures_folder, "split", "--images", "none")
    code, output, error = command(*arguments, "--group", "([0-9])[.]jpg", "--val-split", 0.3)
    assert (code, error) == (0, "")
    assert "groups held out: 3 of 10" in output
    split = load_dataset("split")
    # Each last digit stands in four names.
    assert split.records.validation.sum() == 12
    assert len({path[-5] for path in split.validation.records.paths}) == 3
    assert Path("split/images").is_symlink()
    code, _, error = command(*arguments)
    assert code == 1 and "split exists" in error


def test_a_split_that_was_not_asked_for_may_be_empty(
    command: Command, figures_folder: Path
) -> None:
    for line in (("split", "--val-split", 0), ("select", "--image-set", "train")):
        code, _, error = command("data", line[0], figures_folder, line[0], *line[1:])
        assert (code, error) == (0, "")


def test_select_writes_a_part(command: Command, figures_folder: Path) -> None:
    code, output, error = command(
        *("data", "select", figures_folder, "part", "--records", "0-19", "--random", 15)
    )
    assert (code, error) == (0, "")
    part = load_dataset("part")
    assert f"train │ {len(part.train)} " in " ".join(output.split())
    assert len(part) == len(list(Path("part/images").iterdir())) == 15
    assert all(path < "000020" for path in part.records.paths)
    code, _, error = command("data", "select", figures_folder, "none")
    assert code == 2 and "say what to keep" in error
    assert not Path("none").exists()


def test_a_packed_dataset_is_refused_in_one_sentence(command: Command) -> None:
    for line in ("split gs://bucket/set out", "select gs://b/set out --first 1"):
        code, _, error = command("data", *line.split())
        assert code == 2 and "is packed: it contains crops" in error and "Traceback" not in error
