"""Annotation records: upstream's and ours read alike, and every broken one is named."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.data import expect
from simplebase.data.fields import numbers_problem, record_problems
from simplebase.data.records import read_records
from simplebase.errors import DataError, MissingFileError, SimplebaseError

RECORD = {
    "dataset": "ours",
    "isValidation": 0,
    "img_paths": "a.jpg",
    "objpos": [50, 60.5],
    "joint_self": [[10, 20, 2], [30, 40.25, 1]],
    "scale_provided": 1.5,
    "origin": 0,
}
UPSTREAM = {key: value for key, value in RECORD.items() if key != "origin"}


def write(folder, content, name="annotations.json"):
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(folder, *records):
    return read_records(write(folder, list(records)), 2, "two")


def test_our_records_are_read_as_they_stand(tmp_path):
    records = read(tmp_path, RECORD, RECORD | {"isValidation": 1, "img_paths": "sub/b.jpg"})
    assert len(records) == 2
    assert list(records.paths) == ["a.jpg", "sub/b.jpg"]
    np.testing.assert_array_equal(records.centers, [[50, 60.5]] * 2)
    np.testing.assert_array_equal(records.scales, [1.5, 1.5])
    np.testing.assert_array_equal(records.keypoints, [[[10, 20, 2], [30, 40.25, 1]]] * 2)
    np.testing.assert_array_equal(records.validation, [False, True])


def test_a_record_without_origin_counts_from_one(tmp_path):
    extra = {"headboxes": [5, 6, 7, 8], "bbox": [9, 10, 11, 12]}
    records = read(tmp_path, UPSTREAM | extra)
    np.testing.assert_array_equal(records.centers, [[49, 59.5]])
    np.testing.assert_array_equal(records.keypoints, [[[9, 19, 2], [29, 39.25, 1]]])
    np.testing.assert_array_equal(records.headboxes, [[4, 5, 6, 7]])
    # A box's size does not move with the origin.
    np.testing.assert_array_equal(records.boxes, [[8, 9, 11, 12]])


def test_both_origins_may_stand_in_one_file(tmp_path):
    centers = read(tmp_path, RECORD, UPSTREAM, RECORD | {"origin": 1}).centers
    np.testing.assert_array_equal(centers, [[50, 60.5], [49, 59.5], [49, 59.5]])


@pytest.mark.parametrize(
    "joint, expected",
    [
        ([988, 294, 0], [987, 293, 1]),  # hidden, yet labelled
        ([988, 294, 1], [987, 293, 2]),
        ([988, 294, 2], [987, 293, 2]),
        ([0, 0, 0], [0, 0, 0]),
        ([1, 1, 0], [0, 0, 0]),
        ([300, 1, 0], [0, 0, 0]),
    ],
)
def test_an_mpii_joint_is_labelled_where_its_coordinates_are_above_one(tmp_path, joint, expected):
    mpii = UPSTREAM | {"dataset": "MPI", "joint_self": [joint, [30, 40, 1]]}
    np.testing.assert_array_equal(read(tmp_path, mpii).keypoints[0, 0], expected)


@pytest.mark.parametrize("change", [{"origin": 0}, {"dataset": "ours"}, {"origin": 1}])
def test_visibility_0_means_not_labelled_in_all_other_records(tmp_path, change):
    base = UPSTREAM | {"dataset": "MPI", "joint_self": [[988, 294, 0], [30, 40, 1]]}
    np.testing.assert_array_equal(read(tmp_path, base | change).keypoints[0, 0], [0, 0, 0])


def test_upstreams_own_mpii_file_is_read(shared):
    path = shared / "data/mpii/annotations.json"
    raw = json.loads(path.read_text())
    joints = np.array([record["joint_self"] for record in raw])
    records = read_records(path, 16, "mpii")
    assert list(records.paths) == [record["img_paths"] for record in raw]
    np.testing.assert_array_equal(
        records.centers, np.array([record["objpos"] for record in raw]) - 1
    )
    present = (joints[..., :2] > 1).all(axis=-1)
    hidden = present & (joints[..., 2] == 0)
    assert hidden.sum() > 0 and (~present).sum() > 0  # the file has both kinds
    np.testing.assert_array_equal(records.keypoints[..., 2] > 0, present)
    assert (records.keypoints[hidden][:, 2] == 1).all()
    np.testing.assert_array_equal(records.keypoints[present][:, :2], joints[present][:, :2] - 1)
    assert records.validation.all()


def test_every_image_of_upstreams_file_contains_its_keypoints(shared):
    folder = shared / "data/mpii"
    raw = json.loads((folder / "annotations.json").read_text())
    records = read_records(folder / "annotations.json", 16, "mpii")
    for source, keypoints in zip(raw, records.keypoints, strict=True):
        points = keypoints[keypoints[:, 2] > 0, :2]
        assert (points >= 0).all()
        assert (points < [source["img_width"], source["img_height"]]).all()


def test_optional_fields_are_kept(tmp_path):
    optional = {
        "headboxes": [1, 2, 3, 4],
        "bbox": [5, 6, 7, 8.5],
        "area": 1234.5,
        "image_id": 397133,
        "annotation_id": 900100581904,  # COCO's crowds have ids above 2**32
    }
    records = read(tmp_path, RECORD | optional)
    np.testing.assert_array_equal(records.headboxes, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(records.boxes, [[5, 6, 7, 8.5]])
    np.testing.assert_array_equal(records.areas, [1234.5])
    np.testing.assert_array_equal(records.image_ids, [397133])
    np.testing.assert_array_equal(records.annotation_ids, [900100581904])


def test_absent_optional_fields_are_nan_or_minus_one(tmp_path):
    records = read(tmp_path, RECORD, RECORD | {"area": 9, "image_id": 7})
    for column in (records.headboxes, records.boxes):
        assert column.shape == (2, 4) and np.isnan(column).all()
    np.testing.assert_array_equal(records.areas, [np.nan, 9])
    np.testing.assert_array_equal(records.image_ids, [-1, 7])
    np.testing.assert_array_equal(records.annotation_ids, [-1, -1])


def test_nested_head_boxes_are_read_as_flat_ones(tmp_path):
    records = read(tmp_path, RECORD | {"headboxes": [[1, 2], [3, 4]]})
    np.testing.assert_array_equal(records.headboxes, [[1, 2, 3, 4]])


def test_unknown_fields_are_passed_over(tmp_path):
    assert len(read(tmp_path, RECORD | {"joint_others": [[1]], "people_index": None})) == 1


def test_is_validation_may_be_true_or_false(tmp_path):
    records = read(tmp_path, RECORD | {"isValidation": True}, RECORD | {"isValidation": False})
    np.testing.assert_array_equal(records.validation, [True, False])


def test_select_takes_rows_of_every_column(tmp_path):
    records = read(tmp_path, *(RECORD | {"img_paths": f"{i}.jpg", "image_id": i} for i in range(4)))
    for chosen in (np.array([3, 1]), np.array([False, True, False, True])):
        part = records.select(chosen)
        assert len(part) == 2
        assert set(part.paths) == {"1.jpg", "3.jpg"} and set(part.image_ids) == {1, 3}
        assert part.keypoints.shape == (2, 2, 3)
    assert list(records.select(np.array([3, 1])).paths) == ["3.jpg", "1.jpg"]


NAN, INFINITY = float("nan"), float("inf")
BROKEN = [
    *(
        (key, absent)
        for key in ("dataset", "isValidation", "img_paths", "objpos", "joint_self")
        for absent in [...]
    ),
    ("scale_provided", ...),
    *(("img_paths", value) for value in (None, "", ".", 5, ["a.jpg"], {})),
    *(
        ("img_paths", path)
        for path in (
            "../../etc/passwd",
            "sub/../../a.jpg",
            "..",
            "/etc/passwd",
            "//etc/passwd",
            "C:/windows/a.jpg",
            "C:a.jpg",
            "..\\..\\a.jpg",
            "\\\\server\\share\\a.jpg",
        )
    ),
    *(
        ("objpos", value)
        for value in (
            None,
            5,
            [],
            [1],
            [1, 2, 3],
            ["1", "2"],
            "12",
            [None, 2],
            [True, 2],
            [True, False],
            [NAN, 2],
            [1, INFINITY],
            [[1, 2]],
            {"x": 1, "y": 2},
            [1e300, 2],
            [10**400, 2],
        )
    ),
    *(
        ("scale_provided", value)
        for value in (None, 0, -1, "1.5", [1.5], [], True, NAN, INFINITY, 10**400)
    ),
    *(("isValidation", value) for value in (None, "yes", "1", 7, -1, 0.5, [0], {}, NAN)),
    *(
        ("joint_self", [row, [30, 40, 1]])
        for row in (
            None,
            [],
            5,
            "abc",
            [1, 2],
            [1, 2, 1, 1],
            [1, 2, 3],
            [1, 2, -1],
            [1, 2, 0.5],
            ["1", "2", "1"],
            ["a", 2, 1],
            [1, None, 1],
            [True, 2, 1],
            [1, 2, True],
            [NAN, 2, 1],
            [1, -INFINITY, 1],
            [1, 2, NAN],
            [NAN, NAN, 0],
            [[1], [2], [1]],
            [10**400, 2, 1],
        )
    ),
    *(("joint_self", value) for value in (None, 5, "ab", {}, {"0": [1, 2, 1]}, [[1, 2], [3, 4]])),
    *(
        (key, value)
        for key in ("headboxes", "bbox")
        for value in (
            None,
            [],
            [1, 2, 3],
            [1, 2, 3, 4, 5],
            ["1", "2", "3", "4"],
            [1, 2, 3, NAN],
            [1, 2, 3, None],
            [[1, 2], 3],
            [[[1, 2], [3, 4]]],
            {"x": 1},
            "1234",
        )
    ),
    *(
        (key, value)
        for key in ("area", "origin")
        for value in (None, "5", [1, 2], {}, NAN, INFINITY, True)
    ),
    *(
        (key, value)
        for key in ("image_id", "annotation_id")
        for value in (None, "5", 1.5, NAN, INFINITY, [1], 10**30, True)
    ),
]


@pytest.mark.parametrize("dataset", ["ours", "MPI"])
@pytest.mark.parametrize("key, value", BROKEN, ids=lambda value: repr(value)[:40])
def test_a_broken_field_is_refused_with_file_index_and_field(tmp_path, key, value, dataset):
    good = RECORD | {"dataset": dataset}
    broken = good | {key: value}
    if value is ...:
        del broken[key]
    path = write(tmp_path, [good, broken])
    with pytest.raises(DataError) as caught:
        read_records(path, 2, "two")
    message = str(caught.value)
    assert str(path) in message and "record 1" in message and key in message
    # Alone in its file, no other record can give it away.
    with pytest.raises(DataError, match=f"record 0.*{key}"):
        read_records(write(tmp_path, [broken]), 2, "two")
    # In every record, nothing is out of line.
    with pytest.raises(DataError, match=f"record 0.*{key}"):
        read_records(write(tmp_path, [broken, broken]), 2, "two")


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_another_number_of_rows_says_both_numbers_and_what_to_check(tmp_path, rows):
    path = write(tmp_path, [RECORD, RECORD | {"joint_self": [[1, 2, 1]] * rows}])
    with pytest.raises(DataError) as caught:
        read_records(path, 2, "lsp")
    assert str(caught.value) == (
        f'{path}, record 1 (img_paths "a.jpg"): joint_self has {rows} rows, but skeleton "lsp" '
        "has 2 keypoints. Check --skeleton, or the converter that wrote the file."
    )


def test_the_message_has_the_number_of_the_broken_row(tmp_path):
    joints = [[1, 2, 1], [3, 4, 9]]
    with pytest.raises(
        DataError, match=r"row 1 must be x, y and visibility.*Received: \[3, 4, 9\]"
    ):
        read(tmp_path, RECORD | {"joint_self": joints})


def test_a_sound_record_is_not_blamed_for_another_ones_fault(tmp_path):
    sound = RECORD | {"annotation_id": 900100581904, "headboxes": [[1, 2], [3, 4]], "area": 5}
    with pytest.raises(DataError, match="record 2 .*scale_provided"):
        read(tmp_path, sound, sound | {"isValidation": True}, sound | {"scale_provided": 0})


@pytest.mark.parametrize("item", [None, 5, "record", [1, 2]])
def test_an_item_that_is_no_mapping_is_refused(tmp_path, item):
    with pytest.raises(DataError, match="record 1: expected a mapping"):
        read(tmp_path, RECORD, item)


@pytest.mark.parametrize(
    "text, message",
    [
        (json.dumps([RECORD])[:-20], "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("{}", "expected a list of records. Received: dict"),
        ("3", "Received: int"),
        ("null", "Received: NoneType"),
        ("[]", "has no records"),
    ],
    ids=["truncated", "empty", "deep", "mapping", "number", "null", "no records"],
)
def test_a_file_that_is_no_list_of_records_is_refused(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_records(path, 2, "two")
    assert str(path) in str(caught.value)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    with pytest.raises(DataError, match="is not a text file"):
        read_records(path, 2, "two")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.json: the annotation file does not exist"):
        read_records(tmp_path / "none.json", 2, "two")
    with pytest.raises(MissingFileError, match="is a folder"):
        read_records(tmp_path, 2, "two")


def test_compressed_records_equal_plain_ones(tmp_path):
    content = [RECORD, UPSTREAM | {"dataset": "MPI", "area": 5, "image_id": 3}]
    plain = read_records(write(tmp_path, content), 2, "two")
    compressed = read_records(write(tmp_path, content, "annotations.json.gz"), 2, "two")
    for name, column in vars(plain).items():
        np.testing.assert_array_equal(column, getattr(compressed, name))


def test_a_corrupt_gz_is_refused_wherever_it_is_corrupt(tmp_path):
    path = write(tmp_path, [RECORD] * 20, "annotations.json.gz")
    good = path.read_bytes()
    for position in range(len(good)):
        data = bytearray(good)
        data[position] ^= 0xFF
        path.write_bytes(data)
        # Bytes 3 to 9 hold flags, time and system, of which some do not matter.
        if 3 <= position < 10:
            continue
        with pytest.raises(DataError, match=r"annotations\.json\.gz"):
            read_records(path, 2, "two")


@pytest.mark.parametrize("keep", [0, 5, 12, 60])
def test_a_truncated_gz_is_refused(tmp_path, keep):
    path = write(tmp_path, [RECORD] * 20, "annotations.json.gz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        DataError, match=r"annotations\.json\.gz (is not valid JSON|cannot be decompressed)"
    ):
        read_records(path, 2, "two")


NUMBERS = st.integers(-(10**12), 10**12) | st.floats() | st.sampled_from([0, 1, 2, 10**400])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
# Mostly sound records, so that what is broken lies in any of the fields.
RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from([*RECORD, "headboxes", "bbox", "area", "image_id", "annotation_id"]),
        VALUES,
        max_size=2,
    ).map(lambda changes: RECORD | changes)
    | VALUES,
    min_size=1,
    max_size=3,
)


@settings(max_examples=400, deadline=None)
@given(RECORDS)
def test_whatever_the_records_hold_only_our_errors_are_raised(tmp_path_factory, content):
    path = write(tmp_path_factory.getbasetemp(), content, "fuzz.json")
    try:
        records = read_records(path, 2, "two")
    except SimplebaseError:
        return
    assert records.keypoints.shape == (len(content), 2, 3)
    assert np.isfinite(records.keypoints).all() and np.isfinite(records.centers).all()
    assert (records.scales > 0).all()


def test_all_of_mpii_loads(shared):
    records = read_records(shared / "data/mpii/annotations_all_25204.json.gz", 16, "mpii")
    assert records.keypoints.shape == (25_204, 16, 3)
    # The community's fixed split.
    assert records.validation.sum() == 2958


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([20, 20, 2, 60, 20, 2], "Received 6: [20, 20, 2, 60, 20, 2]."),
        ([1, 2, 2, "3", 4, 2, 5, 6, 2], "Received at index 3: '3'."),
        (
            [1, 2, None, 4, float("nan")],
            "Received 5 items. Received at index 2: None (2 are not numbers).",
        ),
        ("123456789", "Received: '123456789'."),
    ],
)
def test_of_a_list_the_message_says_how_many_there_are_and_which_is_no_number(values, message):
    assert numbers_problem(values, 9) == message
    with pytest.raises(DataError) as caught:
        expect.numbers(values, 9, "a.json, keypoints")
    start = "a.json, keypoints: expected a list of 9 numbers. "
    assert str(caught.value) == f"{start}{message} Check the tool that wrote the file."


def test_a_value_of_any_length_is_shown_in_part():
    record = dict.fromkeys(("img_paths", "objpos", "joint_self", "bbox"), ["x" * 10_000] * 10_000)
    problems = list(record_problems(record, 2, "two"))
    assert len(problems) == 7
    assert max(map(len, problems)) < 300
