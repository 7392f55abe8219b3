"""`metrics.csv`, as a training, a user or a spreadsheet wrote it."""

from pathlib import Path

import pytest

from simplebase.errors import DataError, MissingFileError
from simplebase.training.runs.metrics import EpochMetrics, best_epoch, read_metrics, write_metrics

HEADER = "epoch,loss,val_pck,learning_rate,images_per_second"
ROWS = ("1,2.5,0.25,0.001,18.5", "2,1.25,,0.0005,19.5")
METRICS = (EpochMetrics(1, 2.5, 0.25, 0.001, 18.5), EpochMetrics(2, 1.25, None, 0.0005, 19.5))


def write_lines(folder: Path, *lines: str) -> Path:
    (folder / "metrics.csv").write_text("\r\n".join(lines) + "\r\n")
    return folder


def test_metrics_are_written_as_rows(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.csv", METRICS)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [HEADER, *ROWS]
    write_metrics(tmp_path / "metrics.csv", METRICS[:1])
    assert read_metrics(tmp_path) == METRICS[:1]


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_metrics(write_lines(tmp_path, HEADER, *ROWS)) == METRICS


def test_a_file_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    text = "\n".join((HEADER, *ROWS, "", ""))
    (tmp_path / "metrics.csv").write_text(text, encoding="utf-8-sig")
    assert [row.epoch for row in read_metrics(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER, ROWS[0], "2,high,,0.1,1"), "line 3, column loss: expected a number. .*'high'"),
        ((HEADER, "1,nan,,0.1,1"), "line 2, column loss: expected a number. Received: 'nan'"),
        ((HEADER, "1,1,nan,0.1,1"), "line 2, column val_pck: .*'nan'"),
        ((HEADER, "1,1,,inf,1"), "line 2, column learning_rate: .*'inf'"),
        ((HEADER, "1,1,,0.1,"), "line 2, column images_per_second: .*''"),
        ((HEADER, "1,,,0.1,1"), "line 2, column loss: .*''"),
        ((HEADER, ROWS[0], ROWS[1], "2.5,1,,0.1,1"), "line 4, column epoch: .*'2.5'"),
        ((HEADER, "0,1,,0.1,1"), "line 2, column epoch: .*'0'"),
        ((HEADER, ROWS[1], ROWS[0]), "line 3, column epoch: 1 comes after 2"),
        ((HEADER, ROWS[0], ROWS[0]), "line 3, column epoch: 1 comes after 1"),
        ((HEADER, ROWS[0], "2,1.2"), "line 3 has 2 values, but there are 5 columns"),
        ((HEADER, '1,"1,,0.1,1', ROWS[0]), "line 3 has 2 values"),
        (ROWS, f"line 1: expected the columns {HEADER}. Received: 1,2.5"),
        (("epoch,loss", "1,2"), "line 1: .*Received: epoch,loss"),
        ((HEADER,), "no epoch has ended yet"),
        ((), "no epoch has ended yet"),
    ],
)
def test_a_broken_file_names_line_and_column(
    tmp_path: Path, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_metrics(write_lines(tmp_path, *lines))
    assert str(caught.value).startswith(str(tmp_path / "metrics.csv"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(DataError, match=r"metrics\.csv is not a text file"):
        read_metrics(tmp_path)


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="absent: the run folder does not exist"):
        read_metrics(tmp_path / "absent")
    with pytest.raises(MissingFileError, match=r"has no metrics\.csv"):
        read_metrics(tmp_path)
    write_lines(tmp_path, HEADER, *ROWS)
    with pytest.raises(MissingFileError, match="is a file, but a run is a folder"):
        read_metrics(tmp_path / "metrics.csv")


def test_the_best_epoch_is_the_first_with_the_highest_pck() -> None:
    scores = (None, 0.25, 0.5, 0.5, 0.375)
    rows = [EpochMetrics(epoch, 1, pck, 1, 1) for epoch, pck in enumerate(scores, start=1)]
    assert best_epoch(rows) == rows[2]
    assert best_epoch(rows[:1]) is None
    zero = [EpochMetrics(1, 1, 0.0, 1, 1)]
    assert best_epoch(zero) == zero[0]
