"""Decodes UTF-8; for any other encoding, the error names the likely one.

Other encodings are not decoded by a guess, because a wrong guess would silently change names.
"""

import codecs
import re

from simplebase.errors import DataError

# UTF-32's little-endian mark starts with that of UTF-16, so it is checked first.
_BOMS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

# The control characters that text may contain: tab, line feed, form feed, carriage return.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")

# How much of a file is used to detect its encoding.
_SAMPLE = 1 << 16
# In UTF-16 every second byte of ASCII text is 0.
_ZEROS_OF_UTF16 = 0.2


def decode_text(content: bytes, name: str) -> str:
    """Decodes UTF-8 text and removes a byte order mark.

    Args:
        content: a whole file.
        name: name of the file, for messages and for the command that converts it.

    Raises:
        DataError: it has another encoding. The message contains the command that converts it.
    """
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        # ASCII text in UTF-16 is valid UTF-8, with zeros in between.
        if "\0" not in text:
            return text
    encoding = _likely_encoding(content)
    if encoding is None:
        raise DataError(f"{name} is not a text file: expected UTF-8 text.")
    raise DataError(f"{name} is not UTF-8 but probably {encoding}. {_conversion(name, encoding)}")


def _likely_encoding(content: bytes) -> str | None:
    """Returns the likely encoding by its name in `iconv`; None if it does not look like text."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return encoding
    sample = content[:_SAMPLE]
    if b"\0" in sample:
        return _utf16_without_bom(sample)
    if _CONTROL.search(sample):
        return None
    if _is_gb18030(content) and _is_mostly_pairs(sample):
        return "GB18030"
    # Windows has letters and quotes where ISO 8859 has control characters.
    return "WINDOWS-1252" if re.search(rb"[\x80-\x9f]", content) else "ISO-8859-1"


def _utf16_without_bom(sample: bytes) -> str | None:
    for start, encoding in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        if sample[start::2].count(0) < _ZEROS_OF_UTF16 * len(sample) / 2:
            continue
        text = sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")
        if text and "\ufffd" not in text and not _CONTROL.search(text.encode()):
            return encoding
    return None


def _is_gb18030(content: bytes) -> bool:
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_pairs(sample: bytes) -> bool:
    """Returns whether bytes above 127 come in pairs, as in Chinese; in French most are single."""
    runs = _HIGH_RUN.findall(sample)
    return sum(len(run) > 1 for run in runs) * 2 >= len(runs)


def _conversion(name: str, encoding: str) -> str:
    if name.endswith(".gz"):
        return f"Decompress it and convert it with `iconv -f {encoding} -t UTF-8`."
    source, target = _quoted(name), _quoted(f"{name}.utf8")
    return (
        f"Convert it with `iconv -f {encoding} -t UTF-8 {source} > {target} "
        f"&& mv {target} {source}`."
    )


def _quoted(name: str) -> str:
    """Quotes the name for a shell."""
    return "'" + name.replace("'", "'\\''") + "'"
