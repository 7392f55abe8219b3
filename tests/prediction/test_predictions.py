"""Predictions on this machine: rows, formats, problems, going on."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from coloured_dots import TRIANGLE, dots, moving, write_video

import simplebase
from simplebase.demo.run import run_demo
from simplebase.demo.settings import DemoSettings
from simplebase.errors import (
    ArgumentError,
    DataError,
    InUseError,
    OutputExistsError,
    SimplebaseWarning,
)
from simplebase.files.locks import locked
from simplebase.images import write_image
from simplebase.prediction import PredictionSettings, write_predictions

STEP = 5


def table(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def points(row: dict[str, Any]) -> np.ndarray:
    return np.array(row["keypoints"]).reshape(-1, 2)


def test_each_image_gives_a_row_where_its_dots_are(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    summary = write_predictions(dot_photos, colour_model_file, tmp_path / "out", images_per_part=4)
    assert (summary.images, summary.rows, summary.parts, summary.kept) == (10, 10, 3, 0)
    rows = table(tmp_path / "out")
    assert [row["file"] for row in rows] == [f"{number}.png" for number in range(10)]
    for number, row in enumerate(rows):
        expected = np.array(TRIANGLE) + [STEP * number, 0]
        np.testing.assert_allclose(points(row), expected, atol=2.5)
        assert row["path"] == str(dot_photos / row["file"])
        assert row["box"] == [0, 0, 160, 120]
        assert (row["frame"], row["time"], row["image_id"]) == (None, None, None)
        assert row["score"] == pytest.approx(np.mean(row["scores"]))
    schema = pq.read_schema(tmp_path / "out" / "part-00000.parquet")
    assert str(schema.field("keypoints").type).startswith("fixed_size_list")
    assert schema.field("keypoints").type.list_size == 6


@pytest.mark.parametrize("where", ["whole", "box", "boxes"])
def test_rows_are_those_of_the_demo(
    where: str, colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    chosen: dict[str, Any] = {}
    if where == "box":
        chosen["box"] = (20.0, 10.0, 100.0, 90.0)
    if where == "boxes":
        boxes = {f"{n}.png": [[10 + n, 5, 90, 100], [40, 20, 60, 70]] for n in range(9)}
        (tmp_path / "boxes.json").write_text(json.dumps(boxes))
        chosen["boxes"] = tmp_path / "boxes.json"
    run_demo(
        colour_model_file, dot_photos, [tmp_path / "demo.json"], settings=DemoSettings(**chosen)
    )
    settings = PredictionSettings(**chosen, batch_size=3)
    write_predictions(dot_photos, colour_model_file, tmp_path / "out", settings=settings)
    frames = json.loads((tmp_path / "demo.json").read_text())["frames"]
    theirs = [(frame["file"], pose) for frame in frames for pose in frame["poses"]]
    ours = table(tmp_path / "out")
    assert len(ours) == len(theirs) == {"whole": 10, "box": 10, "boxes": 18}[where]
    for row, (file, pose) in zip(ours, theirs, strict=True):
        assert row["file"] == file and row["box"] == pose["box"]
        # The demo's file has two decimals.
        expected = np.array(pose["keypoints"])
        np.testing.assert_allclose(np.round(points(row), 2), expected[:, :2], atol=1e-4)
        np.testing.assert_allclose(np.round(row["scores"], 4), expected[:, 2], atol=1e-4)


def test_each_frame_of_a_video_counts_for_itself_as_in_an_unsmoothed_demo(
    colour_model_file: Path, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "clip.mp4", moving(12))
    still = tmp_path / "still.png"
    write_image(still, dots([TRIANGLE]))
    run_demo(
        colour_model_file, video, [tmp_path / "demo.json"], settings=DemoSettings(smooth="none")
    )
    settings = PredictionSettings(batch_size=5)
    summary = write_predictions(
        [video, still], colour_model_file, tmp_path / "out", settings=settings, images_per_part=4
    )
    assert (summary.images, summary.parts) == (13, 2)
    *frames, last = table(tmp_path / "out")
    theirs = json.loads((tmp_path / "demo.json").read_text())["frames"]
    assert [row["frame"] for row in frames] == list(range(12))
    for row, frame in zip(frames, theirs, strict=True):
        assert row["time"] == pytest.approx(frame["time"], abs=1e-4)
        expected = np.array(frame["poses"][0]["keypoints"])[:, :2]
        np.testing.assert_allclose(np.round(points(row), 2), expected, atol=1e-4)
    assert (last["file"], last["frame"]) == ("still.png", None)


def test_batches_are_yielded_in_order(colour_model_file: Path, dot_photos: Path) -> None:
    told = []
    batches = list(
        simplebase.predict(
            [dot_photos / "1.png", dot_photos / "0.png", dot_photos / "2.png"],
            colour_model_file,
            batch_size=2,
            progress=lambda done, total: told.append((done, total)),
        )
    )
    assert [batch["keypoints"].shape for batch in batches] == [(2, 6), (1, 6)]
    assert np.concatenate([batch["file"] for batch in batches]).tolist() == [
        "1.png",
        "0.png",
        "2.png",
    ]
    assert told == [(2, 3), (3, 3)]


def test_unreadable_inputs_are_listed_and_with_strict_stop_the_run(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(dot_photos, tmp_path / "photos")
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:60])
    (folder / "5.mp4").write_bytes(b"no video")
    summary = write_predictions(folder, colour_model_file, tmp_path / "out", images_per_part=3)
    assert summary.rows == summary.images == 9
    listed = pq.read_table(tmp_path / "out" / "_errors.parquet").to_pylist()
    assert [Path(each["path"]).name for each in listed] == ["3.png", "5.mp4"]
    assert "3.png" in listed[0]["error"] and "5.mp4" in listed[1]["error"]
    # What is in the folder is still one table.
    assert len(table(tmp_path / "out")) == 9
    with pytest.raises(DataError, match="3.png"):
        write_predictions(folder, colour_model_file, tmp_path / "strict", strict=True)


def test_a_box_outside_of_an_image_is_a_problem_of_that_image(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    rows = [f"{dot_photos}/0.png,10,10,90,90", f"{dot_photos}/1.png,500,10,9,9"]
    rows += [f"{dot_photos}/2.png,10,10,90,90", f"{dot_photos}/2.png,20,10,90,90"]
    listed = tmp_path / "list.csv"
    listed.write_text("path,x,y,width,height\n" + "\n".join(rows) + "\n")
    summary = write_predictions(listed, colour_model_file, tmp_path / "out")
    assert (summary.images, summary.rows, len(summary.problems)) == (2, 3, 1)
    assert "outside" in summary.problems[0].error
    assert [row["box"][0] for row in table(tmp_path / "out")] == [10, 10, 20]


def test_a_second_run_does_what_is_missing_and_no_more(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_predictions(dot_photos, colour_model_file, out, images_per_part=4)
    before = table(out)
    (out / "part-00001.parquet").write_bytes(b"PAR1 cut off")
    (out / "part-00002.parquet").unlink()
    untouched = (out / "part-00000.parquet").stat().st_mtime_ns
    done: list[int] = []
    summary = write_predictions(
        dot_photos, colour_model_file, out, images_per_part=4, progress=lambda n, _: done.append(n)
    )
    assert (summary.kept, summary.rows) == (1, 10) and done[0] > 4
    assert table(out) == before
    assert (out / "part-00000.parquet").stat().st_mtime_ns == untouched


def test_an_output_of_other_inputs_or_options_is_kept(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_predictions(dot_photos, colour_model_file, out)
    with pytest.raises(OutputExistsError, match="options, flip_test: False, now True"):
        settings = PredictionSettings(flip_test=True)
        write_predictions(dot_photos, colour_model_file, out, settings=settings)
    with pytest.raises(OutputExistsError, match="another inputs, count: 10, now 1"):
        write_predictions(dot_photos / "0.png", colour_model_file, out)
    assert len(table(out)) == 10
    summary = write_predictions(dot_photos / "0.png", colour_model_file, out, overwrite=True)
    assert (summary.rows, len(table(out))) == (1, 1)


def test_somebody_elses_folder_is_not_touched(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError, match="notes.txt"):
            write_predictions(dot_photos, colour_model_file, tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_processes_do_not_write_one_output(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    with locked(tmp_path / ".out.lock", "out", "wait"), pytest.raises(InUseError):
        write_predictions(dot_photos, colour_model_file, tmp_path / "out")


def test_json_has_coco_results_and_csv_the_same_numbers(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    for suffix in ("json", "csv"):
        write_predictions(
            dot_photos, colour_model_file, tmp_path / f"out.{suffix}", images_per_part=4
        )
    write_predictions(dot_photos, colour_model_file, tmp_path / "out")
    results = json.loads((tmp_path / "out.json").read_text())
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = table(tmp_path / "out")
    assert [each["image_id"] for each in results] == list(range(1, 11))
    for row, result, line in zip(rows, results, lines, strict=True):
        found = np.array(result["keypoints"]).reshape(3, 3)
        np.testing.assert_allclose(found[:, :2], points(row), atol=1e-4)
        assert result["file_name"] == line["file"] == row["file"]
        assert float(line["green_x"]) == found[1, 0]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"out", "out.json", "out.csv"}
    with pytest.raises(OutputExistsError):
        write_predictions(dot_photos, colour_model_file, tmp_path / "out.csv")


def test_problems_of_a_file_are_listed_beside_it(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    sources = [dot_photos / "0.png", tmp_path / "bad.jpg"]
    summary = write_predictions(sources, colour_model_file, tmp_path / "out.csv")
    assert summary.errors_file == tmp_path / "out.errors.parquet"
    assert pq.read_table(summary.errors_file).num_rows == 1


def test_entries_of_a_file_of_boxes_that_match_nothing_are_warned_of(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "boxes.json").write_text('{"0.png": [[0, 0, 9, 9]], "zero.png": [[0, 0, 9, 9]]}')
    settings = PredictionSettings(boxes=tmp_path / "boxes.json")
    with pytest.warns(SimplebaseWarning, match="'zero.png'"):
        write_predictions(
            dot_photos / "0.png", colour_model_file, tmp_path / "out", settings=settings
        )


def test_what_cannot_be_is_refused_before_anything_is_written(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="give only one of --box and --detector"):
        PredictionSettings(box=(0, 0, 1, 1), detector="d.onnx")
    with pytest.raises(ArgumentError, match="parquet|json|csv"):
        write_predictions(dot_photos, colour_model_file, tmp_path / "out.txt")
    with pytest.raises(ArgumentError, match="only be written to a local path"):
        write_predictions(dot_photos, colour_model_file, "s3://bucket/out")
    with pytest.raises(ArgumentError, match="local, ray"):
        write_predictions(dot_photos, colour_model_file, tmp_path / "out", engine="spark")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


# Runs slowly, so that it can be killed in the middle.
DRIVER = """
import sys, time
from simplebase.prediction import write_predictions, PredictionSettings
write_predictions(
    sys.argv[1], sys.argv[2], sys.argv[3], images_per_part=2,
    settings=PredictionSettings(batch_size=1), progress=lambda *_: time.sleep(0.1),
)
"""


def test_a_run_that_was_killed_goes_on_without_loss_or_repetition(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    folder = tmp_path / ".out.json.predicting"
    program = [sys.executable, "-c", DRIVER, str(dot_photos), str(colour_model_file), str(out)]
    process = subprocess.Popen(program, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    deadline = time.monotonic() + 30
    while len(list(folder.glob("part-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(folder.glob("part-*")))
    assert 2 <= done < 5
    (folder / ".part-00004.parquet.0123456789ab.partial").mkdir()  # what a kill may leave
    settings = PredictionSettings(batch_size=1)
    summary = write_predictions(
        dot_photos, colour_model_file, out, settings=settings, images_per_part=2
    )
    assert summary.kept == done and summary.rows == 10
    files = [each["file_name"] for each in json.loads(out.read_text())]
    assert not folder.exists()
    assert files == [f"{number}.png" for number in range(10)]


def test_python_is_warned_of_what_is_left_out(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.warns(SimplebaseWarning, match="left out: .*bad.jpg"):
        batches = list(
            simplebase.predict([tmp_path / "bad.jpg", dot_photos / "0.png"], colour_model_file)
        )
    assert [len(batch["path"]) for batch in batches] == [1]
