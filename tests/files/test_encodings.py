"""Which text is read, and what is said of text in another encoding."""

import subprocess
from pathlib import Path

import pytest

from simplebase.errors import DataError
from simplebase.files import read_json, read_text
from simplebase.files.encodings import decode_text

CHINESE = '{"label": "左眼", "name": "鼻子"}\n'
FRENCH = '{"label": "œil gauche", "name": "épaule à côté"}\n'
GERMAN = "Schlüssel\nHände, Füße\n"


@pytest.mark.parametrize("text", [CHINESE, FRENCH, "nose\n", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_with_and_without_a_byte_order_mark(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding), "a.json") == text


OTHERS = [
    (CHINESE, "gb18030", "GB18030"),
    (CHINESE, "gbk", "GB18030"),
    (CHINESE, "utf-16", "UTF-16"),
    (CHINESE, "utf-16-le", "UTF-16LE"),
    (CHINESE, "utf-16-be", "UTF-16BE"),
    (CHINESE, "utf-32", "UTF-32"),
    ("nose\n", "utf-16", "UTF-16"),
    ("nose\n", "utf-16-le", "UTF-16LE"),
    ("左眼\n鼻子\n", "utf-16-le", "UTF-16LE"),
    ("左眼\n鼻子\n", "gb18030", "GB18030"),
    (FRENCH, "cp1252", "WINDOWS-1252"),
    (GERMAN, "latin-1", "ISO-8859-1"),
]


@pytest.mark.parametrize(("text", "encoding", "named"), OTHERS)
def test_the_command_in_the_error_converts_the_file(
    tmp_path: Path, text: str, encoding: str, named: str
) -> None:
    path = tmp_path / "it's label's.json"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=f"is not UTF-8 but probably {named}. Convert") as caught:
        read_text(path)
    command = str(caught.value).partition("`")[2].removesuffix("`.")
    assert command.startswith(f"iconv -f {named} -t UTF-8 '")
    subprocess.run(command, shell=True, check=True)
    assert read_text(path) == text


BINARY = {
    "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01",
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "zeros": bytes(100),
    "an archive": b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xb1\xa8",
}


@pytest.mark.parametrize("content", BINARY.values(), ids=BINARY)
def test_what_is_no_text_is_called_so(content: bytes) -> None:
    with pytest.raises(
        DataError, match=r"^classes\.txt is not a text file: expected UTF-8 text\.$"
    ):
        decode_text(content, "classes.txt")


def test_json_nested_without_end_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"deep\.json is not valid JSON: it is nested too deeply\."):
        read_json(tmp_path / "deep.json")


def test_a_file_longer_than_its_kind_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("12345")
    assert read_text(tmp_path / "long.txt", most_bytes=5) == "12345"
    with pytest.raises(DataError, match=r"long\.txt is longer than 4 bytes"):
        read_text(tmp_path / "long.txt", most_bytes=4)
