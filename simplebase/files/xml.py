"""Reads foreign XML."""

import re
from xml.etree import ElementTree

from simplebase.errors import DataError, one_line

_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def parse_xml(text: str, name: str) -> ElementTree.Element:
    """Returns the root element of an XML text.

    Args:
        text: the XML. Document types are refused, because their entities can expand to gigabytes or
            refer to other files.
        name: name of its file, for messages.

    Raises:
        DataError: it is not valid XML, or has a document type.
    """
    if found := _DECLARATION.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise DataError(
            f"{name}, line {line}: XML with a document type (<!{found[1]}) is not read, because it "
            "can name other files. Remove that line."
        )
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{name} is not valid XML: {one_line(error)}.") from error
