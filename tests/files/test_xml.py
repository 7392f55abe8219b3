"""Reading XML that somebody else wrote."""

import pytest

from simplebase.errors import DataError
from simplebase.files.xml import parse_xml

DECLARED = '<?xml version="1.0" encoding="utf-16"?>\n'


def test_text_is_parsed_whatever_encoding_it_declares() -> None:
    # It is decoded before, so the declaration is about bytes that are gone.
    assert parse_xml(f"{DECLARED}<a><b>ü</b></a>", "a.xml").findtext("b") == "ü"


@pytest.mark.parametrize("kind", ["DOCTYPE", "doctype", "ENTITY"])
def test_what_could_name_other_files_is_refused(kind) -> None:
    text = f'{DECLARED}<!{kind} a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    with pytest.raises(DataError, match=r"a\.xml, line 2: XML with a document type"):
        parse_xml(text, "a.xml")


@pytest.mark.parametrize("text", ["", "{}", "<a>", "<a></b>", "<a>\0</a>", "<a>" * 100_000])
def test_what_is_no_xml_is_refused(text) -> None:
    with pytest.raises(DataError, match=r"a\.xml is not valid XML: .*\.$"):
        parse_xml(text, "a.xml")
