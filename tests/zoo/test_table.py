"""Each row of the table of pretrained models makes sense, and names find rows."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from simplebase.backbones import BACKBONES
from simplebase.codec import HeatmapCodec
from simplebase.errors import ArgumentError
from simplebase.files.yaml import parse_yaml
from simplebase.metadata import read_metadata
from simplebase.normalisation import NORMALISATIONS
from simplebase.presets import INPUT_MULTIPLE, load_preset, preset_names
from simplebase.skeletons import load_skeleton
from simplebase.zoo import KINDS, ZooModel, aliases, conversion_options, find, models, names
from simplebase.zoo.table import _FILES

EMBEDDED = tuple(row for row in models() if row.embedded)
ROWS = tuple(row for row in models() if not row.embedded)
KEYPOINTS = tuple(row for row in ROWS if row.kind == "keypoints")
SUBJECTS = {"person", "wholebody", "animal", "hand", "face", "clothes"}

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_keypoint_model = pytest.mark.parametrize("row", KEYPOINTS, ids=lambda row: row.name)


def test_the_table_has_every_usable_model_once() -> None:
    """MMPose lists 68 of this architecture, and 28 older ones that nothing newer replaces."""
    counts = {name: sum(row.subject == name for row in KEYPOINTS) for name in SUBJECTS}
    assert sum(counts.values()) == len(KEYPOINTS) == 68 + 28
    assert counts == {
        "person": 31,
        "wholebody": 6,
        "animal": 29,
        "hand": 12,
        "face": 2,
        "clothes": 16,
    }
    assert [row.name for row in models("detector")] == ["yolox-nano", "yolox-tiny", "yolox-s"]
    assert {row.backbone for row in models("backbone")} == {"ghostnet", "peleenet"}
    assert len(ROWS) == len(names()) - len(EMBEDDED) == 96 + 3 + 2
    assert [row.name for row in EMBEDDED] == ["person-mini"]


def test_names_files_and_addresses_are_unique() -> None:
    addresses = [url for row in ROWS for url in row.urls]
    assert len(set(addresses)) == len(addresses)
    assert len({row.file for row in ROWS}) == len(ROWS)
    assert len({row.description for row in ROWS}) == len(ROWS)
    short = [alias for row in models() for alias in row.aliases]
    assert len({*short, *names()}) == len(short) + len(names())


def test_each_model_stands_once_in_the_files() -> None:
    """The parser that the table uses takes the last of two equal keys without a word."""
    folder = files("simplebase.zoo").joinpath("rows")
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.yaml" for name in _FILES}
    found: list[str] = []
    for name in _FILES:
        text = folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        content = parse_yaml(text, name)
        found += content["models"]
        used = {row.get("dataset") for row in content["models"].values()} - {None}
        assert used == set(content.get("datasets", ()))
    assert found == list(names())


@pytest.mark.parametrize("row", models(), ids=lambda row: row.name)
def test_a_row_says_what_where_and_under_which_licence(row: ZooModel) -> None:
    assert row.kind in KINDS
    assert row.subject in (SUBJECTS if row.kind == "keypoints" else {row.kind})
    assert re.fullmatch(r"[A-Z0-9][^\n]*[^.]\.", row.description)
    for phrase in (row.weights_licence, row.data_licence, row.trained_on):
        assert len(phrase) > 4 and not phrase.endswith(".")
    assert row.homepage.startswith(("https://", "http://"))
    assert bool(row.urls) != bool(row.embedded)
    assert all(url.startswith("https://") for url in row.urls)
    assert row.approximate_bytes is None or 10**6 < row.approximate_bytes < 10**9
    assert 0 < row.published.value < 1 and row.published.metric and row.published.measured_on


@each_row
def test_the_hash_is_the_one_in_the_files_name(row: ZooModel) -> None:
    in_name = re.search(r"-([0-9a-f]{8})_\d{8}\.pth$", row.file)
    if in_name:
        assert row.sha256 == in_name[1]
    elif row.sha256 is not None:
        assert re.fullmatch("[0-9a-f]{64}", row.sha256)
    else:
        assert row.git_sha1 is not None and re.fullmatch("[0-9a-f]{40}", row.git_sha1)
    assert row.kind != "keypoints" or in_name


@each_row
def test_the_file_is_what_the_address_ends_in(row: ZooModel) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]+\.(pth|pth\.tar|safetensors|onnx)", row.file)
    if row.name != "ghostnet_imagenet":  # whose address ends as those of all models of its host
        assert {url.rpartition("/")[2] for url in row.urls} == {row.file}


@each_keypoint_model
def test_a_model_fits_its_preset_skeleton_and_input(row: ZooModel) -> None:
    assert row.preset in preset_names()
    assert load_skeleton(row.skeleton).name == row.skeleton, "the skeleton's own name"
    assert load_skeleton(row.skeleton).num_keypoints == row.num_keypoints
    assert load_preset(row.preset).checked_size(row.input_size) == row.input_size
    height, width = row.input_size
    assert f"_{height}x{width}" in row.name and f" at {height}x{width}" in row.description
    assert row.name.startswith(row.preset)
    assert str(row.num_keypoints) in row.description or row.labelled or "mpii_trb" in row.name


@each_keypoint_model
def test_a_model_is_read_as_mmpose_reads_it(row: ZooModel) -> None:
    height, width = row.input_size
    large = height >= 384
    assert row.codec == HeatmapCodec(
        row.input_size,
        sigma=3 if large else 2,
        alignment="corner",
        blur_kernel=row.codec.blur_kernel,
    )
    assert row.normalisation == "torch"
    assert (row.codec.blur_kernel is not None) == row.name.endswith("_dark")
    assert "flip test" in row.published.measured_on


@pytest.mark.parametrize("row", EMBEDDED, ids=lambda row: row.name)
def test_a_model_of_the_package_is_what_its_file_says(row: ZooModel) -> None:
    metadata = read_metadata(row.embedded.runnable.path)
    assert (metadata.preset, metadata.input_size) == (row.preset, row.input_size)
    assert (metadata.crop, metadata.codec) == (row.crop, row.codec)
    assert metadata.skeleton == load_skeleton(row.skeleton)
    assert f"{row.num_keypoints} joints" in row.description
    assert row.preset in preset_names() and row.normalisation in NORMALISATIONS
    with pytest.raises(ArgumentError, match="person-mini is in the package"):
        conversion_options(row)


def test_the_normalisation_is_mmposes_mean_and_deviation() -> None:
    np.testing.assert_allclose(NORMALISATIONS["torch"]["mean"], [123.675, 116.28, 103.53])
    np.testing.assert_allclose(NORMALISATIONS["torch"]["std"], [58.395, 57.12, 57.375])
    assert not NORMALISATIONS["torch"].get("bgr")


def test_crops_differ_where_mmposes_code_differs() -> None:
    """Its configurations say `padding=0.8` of whole images, its code of 0.x 1.0, 1.5 and 1.76."""
    padding = {
        "zebra": 0.8,
        "locust": 0.8,
        "fly": 0.8,
        "freihand2d": 0.8,
        "atrw": 1.0,
        "interhand2d": 1.5,
        "panoptic_hand2d": 1.76,
    }
    for row in KEYPOINTS:
        (found,) = {padding[part] for part in padding if f"_{part}_" in row.name} or {1.25}
        assert row.crop.padding == found
        # The joints of MHP are called as those of MPII, but its crops are those of COCO.
        assert row.crop.center_shift == (15 if "_mpii_2" in row.name else 0)


def test_each_model_of_deepfashion2_knows_its_own_kind_of_clothes() -> None:
    keypoints = load_skeleton("deepfashion2").keypoints
    rows = [row for row in ROWS if row.skeleton == "deepfashion2"]
    assert len(rows) == 13 and all(row.labelled for row in rows)
    places: list[int] = []
    for row in rows:
        first, last = row.labelled
        (kind,) = {name.rstrip("0123456789") for name in keypoints[first : last + 1]}
        assert f"deepfashion2_{kind}_256x192" in row.name
        assert row.description.startswith(f"{last + 1 - first} points of")
        places += range(first, last + 1)
    assert sorted(places) == list(range(294))
    assert not any(row.labelled for row in ROWS if row not in rows)


@pytest.mark.parametrize("row", models("detector"), ids=lambda row: row.name)
def test_a_detector_has_an_input_of_whole_grids(row: ZooModel) -> None:
    assert all(side % INPUT_MULTIPLE == 0 for side in row.input_size)
    assert row.normalisation is None and row.codec is None
    assert len(row.sha256) == 64


@pytest.mark.parametrize("row", models("backbone"), ids=lambda row: row.name)
def test_a_backbone_is_one_of_ours(row: ZooModel) -> None:
    assert row.backbone in BACKBONES and row.normalisation in NORMALISATIONS
    assert row.preset is row.skeleton is row.codec is None


def test_short_names_find_what_most_people_want() -> None:
    assert find("person").name == "resnet50_deconv_coco_256x192_dark"
    assert find("person").published.value == 0.724
    for subject in SUBJECTS:
        assert find(subject).subject == subject
        for size in ("small", "large"):
            if f"{subject}-{size}" in aliases():
                assert find(f"{subject}-{size}").subject == subject
    for alias, name in aliases().items():
        assert find(alias) is find(name)
        assert alias in find(name).aliases
        assert re.fullmatch("[a-z]+(-small|-large)?", alias)


def test_the_table_says_why_a_short_name_is_for_its_model() -> None:
    folder = files("simplebase.zoo").joinpath("rows")
    text = "".join(folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in _FILES)
    for alias, name in aliases().items():
        assert re.search(rf"^  # {alias}: [^\n]{{8,}}\.\n  {name}:$", text, re.MULTILINE), alias


def test_large_is_better_than_the_usual_and_small_is_cheaper() -> None:
    for subject in ("person", "wholebody"):
        best = max(row.published.value for row in models(subject=subject) if "_coco_" in row.name)
        assert find(f"{subject}-large").published.value == best
    for subject in ("person", "hand", "face"):
        usual, small = (load_preset(find(f"{subject}{end}").preset) for end in ("", "-small"))
        assert small.gflops < usual.gflops / 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "persn",
            "there is no pretrained model 'persn'. Nearest: person, .*models --all` lists all",
        ),
        ("yolox", "Nearest: yolox-s"),
        ("resnet50_coco", "Nearest: resnet50_deconv_coco"),
        ("Ωmega", "Short names: .*person, .*peleenet"),
        ("", "Short names"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wrong: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        find(wrong)


def test_a_name_of_another_kind_is_refused_with_some_of_the_right_one() -> None:
    assert find("yolox-tiny", "detector").published.value == 0.328
    with pytest.raises(ArgumentError, match="keypoints, but detector is needed.*yolox-nano"):
        find("person", "detector")
    with pytest.raises(ArgumentError, match="detector, but keypoints is needed.*person"):
        find("yolox-s", "keypoints")
    with pytest.raises(ArgumentError, match="needed, such as ghostnet, peleenet"):
        find("hand", "backbone")


def test_the_documents_have_the_published_figures() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pretrained.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    told = {}
    for cells in rows:
        if len(cells) == 4:
            figures = [float(text) for text in re.findall(r"\d\.\d+", cells[2])]
            told |= dict(zip(re.findall(r"`([\w-]+)`", cells[0]), figures, strict=False))
    assert {"person", "hand-small", "yolox-s", "ghostnet"} <= told.keys()
    assert told == {name: round(find(name).published.value, 3) for name in told}
