"""Reports unreadable label files, and archives that were given instead of folders."""

import os
import warnings
import zipfile
from collections import Counter
from pathlib import Path

from simplebase.errors import DataError, SimplebaseWarning

# How many unreadable files are described in full.
_NAMED = 10


def refuse_archive(path: Path) -> None:
    """Raises an error for a zip archive, the format in which many tools export labels.

    Raises:
        DataError: `path` is a zip archive.
    """
    if os.path.isfile(path) and zipfile.is_zipfile(path):
        raise DataError(f"{path} is a zip archive. Unpack it, and give the folder.")


def report_unreadable(
    problems: list[str], usable: int, total: int, what: str, left_out: Counter[str]
) -> None:
    """Warns of unreadable files, and adds their number to `left_out`.

    Args:
        problems: a sentence for each file.
        usable: number of files that were read successfully.
        total: number of files that were tried.
        what: description of the files, such as `.json files in labels`.
        left_out: counts by reason.

    Raises:
        DataError: there are problems, and no usable file.
    """
    if not problems:
        return
    if not usable:
        more = f" {len(problems) - 1} more files cannot be read." if len(problems) > 1 else ""
        raise DataError(problems[0] + more)
    left_out["file: cannot be read"] += len(problems)
    more = f"\n... and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    warnings.warn(
        f"{len(problems)} of {total} {what} cannot be read and are left out:\n"
        + "\n".join(problems[:_NAMED])
        + more,
        SimplebaseWarning,
        stacklevel=4,
    )
