"""Upstream's text files: written, read back, and refused with the line that is wrong."""

import dataclasses

import pytest

from simplebase.errors import DataError, MissingFileError
from simplebase.skeletons import (
    Link,
    Skeleton,
    load_skeleton,
    read_text_files,
    skeleton_names,
    write_text_files,
)


def write(folder, classes="left\nright\ntop\nbottom\n", match_point=None, skeleton=None):
    """The three paths, `None` where no text was given."""
    paths = []
    for name, text in (("classes", classes), ("match_point", match_point), ("skeleton", skeleton)):
        path = None if text is None else folder / f"{name}.txt"
        if path:
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize("name", skeleton_names())
def test_a_built_in_skeleton_is_read_as_it_was_written(tmp_path, name):
    skeleton = load_skeleton(name)
    write_text_files(skeleton, tmp_path)
    read = read_text_files(*(tmp_path / f"{n}.txt" for n in ("classes", "match_point", "skeleton")))
    # The files have no place for a name, sigmas and an upper body; the keypoints tell the latter.
    assert read == dataclasses.replace(skeleton, name=tmp_path.name)


def test_known_keypoints_bring_sigmas_and_upper_body_but_no_pairs_or_links(tmp_path):
    coco = load_skeleton("coco")
    write_text_files(dataclasses.replace(coco, horizontal_pairs=(), links=()), tmp_path)
    read = read_text_files(tmp_path / "classes.txt")
    assert (read.sigmas, read.upper_body) == (coco.sigmas, coco.upper_body)
    assert read.horizontal_pairs == read.links == ()


@pytest.mark.parametrize("change", [reversed, lambda names: names[1:]], ids=["reordered", "fewer"])
def test_other_keypoints_or_another_order_bring_nothing(tmp_path, change):
    names = list(change(load_skeleton("coco").keypoints))
    (tmp_path / "classes.txt").write_text("\n".join(names))
    read = read_text_files(tmp_path / "classes.txt")
    assert read.sigmas is None and read.upper_body == ()


def test_upstreams_format_by_hand(tmp_path):
    read = read_text_files(
        *write(tmp_path, match_point="right,left,h\nbottom,top,v\n", skeleton="left,top,b\n")
    )
    assert read.keypoints == ("left", "right", "top", "bottom")
    assert read.horizontal_pairs == (("right", "left"),)
    assert read.vertical_pairs == (("bottom", "top"),)
    assert read.links == (Link("left", "top", "b"),)


def test_classes_alone_are_a_skeleton_without_pairs_and_links(tmp_path):
    read = read_text_files(write(tmp_path)[0])
    assert read.num_keypoints == 4
    assert read.horizontal_pairs == read.vertical_pairs == read.links == ()


def test_blank_lines_spaces_windows_line_ends_and_a_byte_order_mark_are_passed_over(tmp_path):
    read = read_text_files(
        *write(
            tmp_path,
            classes="\ufeffleft\r\n\r\n  right \r\n\n",
            match_point="\n left , right , h \n\n",
            skeleton="\n\n",
        )
    )
    assert read.keypoints == ("left", "right")
    assert read.horizontal_pairs == (("left", "right"),)


def test_upstreams_plevis_is_read_as_pelvis_in_all_three_files(tmp_path):
    read = read_text_files(
        *write(
            tmp_path,
            classes="plevis\nthorax\n",
            match_point="plevis,thorax,v\n",
            skeleton="thorax,plevis,g\n",
        )
    )
    assert read.keypoints == ("pelvis", "thorax")
    assert read.vertical_pairs == (("pelvis", "thorax"),)
    assert read.links == (Link("thorax", "pelvis", "g"),)


@pytest.mark.parametrize(
    "match_point, skeleton, where, what",
    [
        ("left,right,h\n\nnose,tail,h\n", None, "match_point.txt, line 3", "'nose' is not in the"),
        (None, "left,top,r\nchin,top,r\n", "skeleton.txt, line 2", "'chin' is not in the"),
        ("left,right\n", None, "match_point.txt, line 1", "name,name,letter"),
        ("left right h\n", None, "match_point.txt, line 1", "'left right h'"),
        (None, "left,top,r,g\n", "skeleton.txt, line 1", "'left,top,r,g'"),
        ("left,right,d\n", None, "match_point.txt, line 1", "h or v. Received: 'd'"),
    ],
)
def test_a_wrong_line_is_named_with_file_number_and_content(
    tmp_path, match_point, skeleton, where, what
):
    with pytest.raises(DataError) as caught:
        read_text_files(*write(tmp_path, match_point=match_point, skeleton=skeleton))
    message = str(caught.value)
    assert str(tmp_path) in message and where in message and what in message


@pytest.mark.parametrize(
    "texts, what",
    [
        ({"classes": "a\nb\na\n"}, "'a' occurs twice"),
        ({"classes": "\n"}, "has no keypoint names"),
        ({"match_point": "left,right,h\nleft,top,h\n"}, "'left' occurs twice"),
        ({"skeleton": "left,top,purple\n"}, "'purple'"),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path, texts, what):
    with pytest.raises(DataError, match=what):
        read_text_files(*write(tmp_path, **texts))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_file_is_named(tmp_path, missing):
    paths = write(tmp_path, match_point="", skeleton="")
    paths[missing].unlink()
    with pytest.raises(MissingFileError, match=paths[missing].name):
        read_text_files(*paths)


def test_names_with_spaces_inside_are_read_as_they_were_written(tmp_path):
    names = ("left  eye", "right  eye", "tail\u00a0tip", "\u5de6\u3000\u8033")
    pairs = (names[:2],)
    skeleton = Skeleton("cow", names, pairs, links=(Link(names[2], names[3], "b"),))
    write_text_files(skeleton, tmp_path)
    paths = (tmp_path / f"{name}.txt" for name in ("classes", "match_point", "skeleton"))
    assert read_text_files(*paths) == dataclasses.replace(skeleton, name=tmp_path.name)


@pytest.mark.parametrize("name", ["a,b", " a", "a\u3000", "a\nb", "a\tb", "a\x85b", "a\u2028b"])
def test_a_name_that_would_not_be_read_back_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="has a comma, a control character or spaces at its ends"):
        write_text_files(Skeleton("cow", (name,)), tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0 a photo")
    with pytest.raises(DataError, match=r"classes\.txt is not a text file"):
        read_text_files(tmp_path / "classes.txt")


def test_the_name_is_the_folders_or_what_stands_before_classes(tmp_path):
    folder = tmp_path / "cows"
    folder.mkdir()
    for name in ("classes.txt", "mpii_classes.txt"):
        (folder / name).write_text("a\n")
    assert read_text_files(folder / "classes.txt").name == "cows"
    assert read_text_files(folder / "mpii_classes.txt").name == "mpii"


def test_a_relative_classes_file_is_named_after_its_folder_too(tmp_path, monkeypatch):
    folder = tmp_path / "cows"
    folder.mkdir()
    (folder / "classes.txt").write_text("a\n")
    monkeypatch.chdir(folder)
    assert read_text_files("classes.txt").name == "cows"


def test_a_list_of_anything_is_no_classes_file(tmp_path):
    (tmp_path / "classes.txt").write_text("".join(f"{number}\n" for number in range(20_000)))
    with pytest.raises(DataError, match=r"classes\.txt has more than 10000 names"):
        read_text_files(tmp_path / "classes.txt")


def test_files_of_windows_editors_are_read(tmp_path):
    for name, text in (("classes.txt", "nose\r\ntail\r\n"), ("skeleton.txt", "nose,tail,r\r\n")):
        (tmp_path / name).write_text(text, encoding="utf-8-sig", newline="")
    skeleton = read_text_files(tmp_path / "classes.txt", None, tmp_path / "skeleton.txt")
    assert skeleton.keypoints == ("nose", "tail")
    assert [(link.start, link.end) for link in skeleton.links] == [("nose", "tail")]
