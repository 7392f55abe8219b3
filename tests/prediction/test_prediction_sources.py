"""What can be predicted on: datasets, COCO files, lists, addresses."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as pq
import pytest
from coloured_dots import SIZE, SKELETON

import simplebase
from simplebase import Crop, HeatmapCodec, ModelMetadata
from simplebase.data.coco_format import coco_ground_truth
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError, MissingFileError, MissingPackageError
from simplebase.geometry import Size
from simplebase.prediction.crops import CropReader
from simplebase.prediction.inputs import Inputs, common_root
from simplebase.prediction.settings import PredictionSettings
from simplebase.prediction.sources import find_inputs, record_boxes


def inputs(*sources: object, **options: Any) -> Inputs:
    return find_inputs(
        [str(source) for source in sources],
        crop=Crop(),
        input_size=SIZE,
        skeleton=SKELETON,
        **options,
    )


def names(found: Inputs) -> list[str]:
    return [Path(path).name for path in found.paths]


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (128, 48)])
def test_a_records_box_is_cut_out_as_the_record_is(size: Size) -> None:
    crop = Crop(padding=1.1, center_shift=15.0)
    centers, scales = np.array([[50.0, 70.5], [3.25, 9.0]]), np.array([0.4, 1.7])
    boxes = record_boxes(centers, scales, crop, size)
    np.testing.assert_allclose(
        crop.box_matrix(boxes, size), crop.matrix(centers, scales, size), atol=1e-9
    )


def test_a_dataset_gives_each_image_once_with_all_its_objects(
    figures: KeypointDataset, figures_folder: Path
) -> None:
    found = inputs(figures_folder)
    assert found.objects is not None
    assert len(set(found.paths)) == len(found) == len(set(figures.records.paths))
    assert len(found.objects.boxes) == len(figures) == found.objects.starts[-1]
    assert found.root == str(figures_folder / "images")


def test_a_coco_file_gives_its_images_ids_and_boxes(
    figures: KeypointDataset, figures_folder: Path, colour_model_file: Path, tmp_path: Path
) -> None:
    truth = coco_ground_truth(figures.records, figures.skeleton)
    for number, annotation in enumerate(truth["annotations"]):
        annotation["bbox"] = [number, 2, 30, 40]
    truth["images"].append({"id": 999, "file_name": truth["images"][0]["file_name"]})
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    with pytest.raises(MissingFileError, match="--images"):
        inputs(tmp_path / "labels.json")
    found = inputs(tmp_path / "labels.json", images=figures_folder / "images")
    assert found.image_ids is not None and found.image_ids[-1] == 999
    batches = list(
        simplebase.predict(
            tmp_path / "labels.json",
            colour_model_file,
            images=figures_folder / "images",
            batch_size=8,
        )
    )
    rows = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    assert rows["annotation_id"].tolist() == [each["id"] for each in truth["annotations"]]
    assert rows["image_id"].tolist() == [each["image_id"] for each in truth["annotations"]]
    assert rows["box"][:, 0].tolist() == list(range(len(figures)))  # none of image 999
    assert rows["file"][0] == truth["images"][0]["file_name"]


def test_a_packed_dataset_gives_the_crops_of_its_folder(
    figures: KeypointDataset, figures_folder: Path, colour_model_file: Path, tmp_path: Path
) -> None:
    from simplebase.data.packed import pack_dataset

    packed = tmp_path / "packed"
    pack_dataset(figures, packed, crop=Crop(), input_size=SIZE, canvas_size=(128, 128))
    metadata = ModelMetadata("dots", SIZE, Crop(), HeatmapCodec(SIZE), SKELETON)
    crops: list[dict[str, np.ndarray]] = []
    for source in (figures_folder, packed):
        found = inputs(source)
        reader = CropReader.of(found, metadata, PredictionSettings())
        (chunk,) = found.chunks(*found.parts(), 100)
        cut = reader(chunk)
        assert cut.problems == () and len(cut.images) == len(figures)
        crops.append(dict(zip(cut.files, cut.images.astype(int), strict=True)))
    apart = [np.abs(crops[0][name] - crops[1][name]).mean() for name in crops[0]]
    others = np.abs(np.diff(np.stack(list(crops[0].values())), axis=0)).mean()
    # Packed crops are JPEGs that are sampled a second time.
    assert max(apart) < 10 < others
    with pytest.raises(ArgumentError, match="is packed"):
        next(simplebase.predict(packed, colour_model_file, box=(0, 0, 9, 9)))


def test_lists_of_paths_keep_their_order(dot_photos: Path, tmp_path: Path) -> None:
    paths = [str(dot_photos / f"{number}.png") for number in (3, 1, 2)]
    (tmp_path / "list.txt").write_text("# chosen\n" + "\n".join(paths) + "\n\n")
    pq.write_table(pyarrow.table({"path": paths}), tmp_path / "list.parquet")
    for name in ("list.txt", "list.parquet"):
        assert names(inputs(tmp_path / name)) == ["3.png", "1.png", "2.png"]
    boxes = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    table = pyarrow.table({"path": [paths[0], paths[0], paths[1]], "box": boxes})
    pq.write_table(table, tmp_path / "boxes.parquet")
    found = inputs(tmp_path / "boxes.parquet")
    assert names(found) == ["3.png", "1.png"] and found.objects is not None
    assert found.objects.starts.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\na.jpg\n", "a column `path`"),
        ("path,x,y,width,height\na.jpg,1,2,three,4\n", "line 2"),
        ("path,x,y,width,height\na.jpg,1,2,0,4\n", "above 0"),
        ("path\n", "lists no image"),
        ("path\na.docx\n", "'/.*a.docx'"),
    ],
)
def test_a_broken_list_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        inputs(tmp_path / "list.csv")


def test_patterns_reach_into_subfolders(dot_photos: Path, tmp_path: Path) -> None:
    for name in ("a", "b/c"):
        (tmp_path / name).mkdir(parents=True)
        shutil.copy(dot_photos / "0.png", tmp_path / name / "same.png")
    found = inputs(tmp_path / "**" / "*.png")
    assert len(found) == 2 and found.root == str(tmp_path)


def test_empty_and_missing_sources_say_so(tmp_path: Path, dot_photos: Path) -> None:
    with pytest.raises(DataError, match="there is no image"):
        inputs(tmp_path)
    with pytest.raises(MissingFileError, match="does not exist"):
        inputs(tmp_path / "none.jpg")
    (tmp_path / "list.txt").write_text("a.jpg\n")
    with pytest.raises(ArgumentError, match="predicted alone"):
        inputs(tmp_path / "list.txt", dot_photos)
    with pytest.raises(ArgumentError, match="--images goes with"):
        inputs(dot_photos, images=dot_photos)


def test_addresses_are_read_by_fsspec(
    dot_photos: Path, colour_model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    memory = fsspec.filesystem("memory")
    monkeypatch.setattr(type(memory), "store", {})
    monkeypatch.setattr(type(memory), "pseudo_dirs", [""])
    for number in range(3):
        memory.pipe_file(f"/bucket/{number}.png", (dot_photos / f"{number}.png").read_bytes())
    local = next(simplebase.predict([dot_photos / f"{n}.png" for n in range(3)], colour_model_file))
    for source in ("memory://bucket", "memory://bucket/*.png"):
        (batch,) = simplebase.predict(source, colour_model_file)
        assert batch["file"].tolist() == ["0.png", "1.png", "2.png"]
        assert batch["path"][0] == "memory:///bucket/0.png"
        np.testing.assert_array_equal(batch["keypoints"], local["keypoints"])
    with pytest.raises(MissingFileError, match="memory://bucket/no.png does not exist"):
        next(simplebase.predict("memory://bucket/no.png", colour_model_file))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("403 Forbidden")

    monkeypatch.setattr(type(memory), "ls", refuse)
    with pytest.raises(DataError, match="access is denied.*403"):
        next(simplebase.predict("memory://bucket", colour_model_file))
    with pytest.raises(MissingPackageError, match="hdfs|arrow|gcsfs"):
        next(simplebase.predict("gs://bucket/*.jpg", colour_model_file))


def test_the_common_folder_is_found_without_comparing_all() -> None:
    assert common_root(["/a/b/1.jpg", "/a/c/2.jpg", "/a/b/3.jpg"]) == "/a"
    assert common_root(["/a/b/1.jpg"]) == "/a/b"
    assert common_root(["s3://b/x/1.jpg", "s3://b/y/1.jpg"]) == "s3://b"
    assert common_root(["s3://a/1.jpg", "s3://b/1.jpg"]) == ""


def test_a_million_paths_divide_into_parts_of_images_and_single_videos() -> None:
    paths = [f"/data/{number:07d}.jpg" for number in range(1_000_000)]
    paths[5] = "/data/clip.mp4"
    parts = Inputs("many", paths, "/data").parts(1000)
    assert [(p.start, p.stop) for p in parts[:3]] == [(0, 5), (5, 6), (6, 1006)]
    assert sum(part.stop - part.start for part in parts) == 1_000_000
