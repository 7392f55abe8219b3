"""`simplebase data suggest`: which frames, the files, what is refused; by a model of dots."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from coloured_dots import TRIANGLE, dots, moving, write_video

from simplebase import Skeleton
from simplebase.cli.options import progress_bar
from simplebase.converters.conversion import write_dataset
from simplebase.converters.labelme import read_labelme
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    OutputExistsError,
    SimplebaseWarning,
)
from simplebase.suggesting import Suggestions, suggest_frames

Suggest = Callable[..., tuple[Suggestions, list[dict[str, str]]]]
ODD = 7


@pytest.fixture
def suggest(tmp_path: Path) -> Suggest:
    """Suggests frames in OUT; returns what was said, and the rows of the table."""

    def run(
        *sources: object, count: int = 3, output: str = "OUT", **options: object
    ) -> tuple[Suggestions, list[dict[str, str]]]:
        folder = tmp_path / output
        said = suggest_frames(
            "dots.tflite",
            [str(source) for source in sources],
            folder,
            count,
            progress=progress_bar,
            **options,  # type: ignore[arg-type]
        )
        with (folder / "suggestions.csv").open(newline="") as file:
            return said, list(csv.DictReader(file))

    return run


def _clip(path: Path, count: int = 12) -> Path:
    """A triangle on its way; in one frame a dot is missing and another far off."""
    path.parent.mkdir(exist_ok=True)
    images = moving(count, step=6)
    images[ODD] = dots([[None, (20, 110), TRIANGLE[2]]])
    return write_video(path, images)


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_frame_where_the_model_fails_comes_first(suggest: Suggest, tmp_path: Path) -> None:
    said, rows = suggest(_clip(tmp_path / "clip.mp4"))
    assert said.compared == 12 and said.count == 3 and said.folders == {"clip": 3}
    assert rows[0]["frame"] == str(ODD) and rows[0]["unlikely"] == ""
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.9
    # On the others the model sees all dots, in the mirrored image too.
    assert float(rows[0]["mean_score"]) < 0.75 < 0.9 < float(rows[1]["mean_score"])
    assert float(rows[0]["mirror"]) > 0.2 > 0.01 > float(rows[1]["mirror"])
    assert float(rows[0]["jump"]) > 3 * float(rows[1]["jump"])
    images = {row["file"] for row in rows}
    labels = {name.replace(".jpg", ".json") for name in images}
    skeleton = {"classes.txt", "match_point.txt", "skeleton.txt"}
    assert _files(tmp_path / "OUT") == {"suggestions.csv", *images, *labels, *skeleton}


def test_labels_are_what_the_model_found_in_that_frame(suggest: Suggest, tmp_path: Path) -> None:
    _, rows = suggest(write_video(tmp_path / "clip.mp4", moving(9, step=8)))
    for row in rows:
        file = tmp_path / "OUT" / row["file"]
        content = json.loads(file.with_suffix(".json").read_text())
        assert content["imagePath"] == file.name
        found = {shape["label"]: shape["points"][0] for shape in content["shapes"]}
        for name, (x, y) in zip(("red", "green", "blue"), TRIANGLE, strict=True):
            place = (x + 8 * int(row["frame"]) + 0.5, y + 0.5)
            if place[0] < 155:
                np.testing.assert_allclose(found[name], place, atol=2)


def test_each_source_has_its_share_and_images_have_no_jump(
    suggest: Suggest, tmp_path: Path
) -> None:
    folder = tmp_path / "meadow"
    folder.mkdir()
    for number, image in enumerate(moving(5, step=12)):
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), dots([[(90, 90), (20, 20), (120, 110)]])[..., ::-1])
    said, rows = suggest(_clip(tmp_path / "clip.mp4"), folder, photo, count=5, output="to label")
    assert said.folders == {"clip": 2, "meadow": 2, "images": 1}
    of_images = [row for row in rows if row["source"] != str(tmp_path / "clip.mp4")]
    assert len(of_images) == 3 and all(row["jump"] == "" for row in of_images)
    copy = next(row["file"] for row in rows if row["file"].startswith("meadow/"))
    expected = (folder / Path(copy).name).read_bytes()
    assert (tmp_path / "to label" / copy).read_bytes() == expected


def test_near_duplicates_are_left_out(suggest: Suggest, tmp_path: Path) -> None:
    images = [*moving(1), *moving(1), *moving(1), dots([[(90, 90), (20, 20), (120, 30)]])]
    clip = write_video(tmp_path / "clip.mp4", images)
    said, rows = suggest(clip)
    assert said.count == 2 and said.alike == 2
    assert {int(row["frame"]) // 3 for row in rows} == {0, 1}
    said, _ = suggest(clip, output="all", alike=-1)
    assert said.count == 3


def test_frames_that_are_labelled_already_are_not_suggested(
    suggest: Suggest, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving(8, step=8))
    _, first = suggest(clip)
    write_dataset(read_labelme(tmp_path / "OUT", val_split=0), tmp_path / "known")
    # Three poses are too few to tell which are unlikely.
    with pytest.warns(SimplebaseWarning, match="has 3 poses .* at least 10"):
        said, rows = suggest(clip, output="round 2", labelled=tmp_path / "known", count=8)
    assert said.labelled == 3 and said.count + said.alike == 5
    assert not {row["frame"] for row in first} & {row["frame"] for row in rows}
    assert all(row["unlikely"] == "" for row in rows)
    for row in rows:
        (tmp_path / "known" / "images" / row["file"]).write_bytes(
            (tmp_path / "round 2" / row["file"]).read_bytes()
        )
    still = tmp_path / "known" / "images" / "clip"
    with (
        pytest.warns(SimplebaseWarning, match="has 3 poses"),
        pytest.raises(DataError, match="all 3 frames look like images of .*known"),
    ):
        suggest(
            *(still / Path(row["file"]).name for row in first),
            output="round 3",
            labelled=tmp_path / "known",
        )
    assert not (tmp_path / "round 3").exists()


def test_the_same_input_gives_the_same_output(suggest: Suggest, tmp_path: Path) -> None:
    clips = [_clip(tmp_path / "a" / "clip.mp4"), _clip(tmp_path / "clip.mp4")]
    _, first = suggest(*clips, count=4)
    _, second = suggest(*clips, count=4, output="again")
    assert first == second
    assert {Path(row["file"]).parent.name for row in first} == {"clip", "clip_2"}


def test_every_nth_frame_is_looked_at(suggest: Suggest, tmp_path: Path) -> None:
    said, rows = suggest(_clip(tmp_path / "clip.mp4"), every=3, count=9)
    assert said.compared == 4
    assert {int(row["frame"]) % 3 for row in rows} == {0}


def test_poses_unlike_the_labelled_ones_count(suggest: Suggest, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving(10))
    suggest(clip, output="labels", alike=-1, count=10)
    # Where the keypoints stand in another order they are matched by name.
    other = Skeleton("other", ("blue", "red", "green"))
    write_dataset(read_labelme(tmp_path / "labels", skeleton=other), tmp_path / "known")
    upside_down = dots([[(60, 90), (40, 50), (90, 40)]])
    images = [*moving(3, step=9), upside_down]
    _, rows = suggest(
        write_video(tmp_path / "new.mp4", images), labelled=tmp_path / "known", count=4
    )
    unlikely = {row["frame"]: float(row["unlikely"]) for row in rows}
    assert max(unlikely, key=lambda frame: unlikely[frame]) == "3"


def test_a_dataset_folder_gives_its_images(
    suggest: Suggest, figures_folder: Path, figures: KeypointDataset
) -> None:
    said, rows = suggest(figures_folder, count=2, alike=-1)
    assert said.compared == len(set(figures.records.paths))
    for row in rows:
        name = Path(row["file"]).name
        assert name in set(figures.records.paths)


def test_what_cannot_be_leaves_nothing(
    suggest: Suggest, tmp_path: Path, figures_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = _clip(tmp_path / "clip.mp4")
    before = _files(tmp_path)
    for sources, options, error, message in [
        ([clip, clip], {}, ArgumentError, "given twice"),
        (["rtsp://camera"], {}, ArgumentError, "not cameras or streams"),
        (["0"], {}, ArgumentError, "not cameras or streams"),
        ([tmp_path / "none.mp4"], {}, MissingFileError, "none.mp4"),
        ([clip], {"count": 0}, ArgumentError, "at least 1"),
        ([clip], {"labels": "yolo"}, ArgumentError, "labelme, coco, cvat"),
        (
            [clip],
            {"boxes": "a.json", "detector": "a.onnx"},
            ArgumentError,
            "--boxes and --detector",
        ),
        ([clip], {"boxes": tmp_path / "a.json"}, MissingFileError, "a.json"),
        ([clip], {"labelled": figures_folder}, ArgumentError, "not those of the model"),
    ]:
        with pytest.raises(error, match=message):
            suggest(*sources, **options)
    monkeypatch.setattr("simplebase.suggesting.suggestions._write_table", _fail)
    with pytest.raises(DataError, match="in the end"):
        suggest(clip)
    assert _files(tmp_path) == before and not (tmp_path / "OUT").exists()


def _fail(*_: object) -> None:
    raise DataError("in the end")


def test_labels_that_may_have_been_corrected_are_not_replaced(
    suggest: Suggest, tmp_path: Path
) -> None:
    clip = _clip(tmp_path / "clip.mp4")
    suggest(clip)
    before = _files(tmp_path)
    with pytest.raises(OutputExistsError):
        suggest(clip)
    assert _files(tmp_path) == before
