"""What is said of label files that cannot be read, and of archives in place of folders."""

import os
import warnings
import zipfile
from collections import Counter
from pathlib import Path

from simplebase.errors import DataError, SimplebaseWarning

# How many files that cannot be read are named in full.
_NAMED = 10


def refuse_archive(path: Path) -> None:
    """Refuses a zip archive, in which most tools hand over their labels.

    Raises:
        DataError: `path` is one.
    """
    if os.path.isfile(path) and zipfile.is_zipfile(path):
        raise DataError(f"{path} is a zip archive. Unpack it, and give the folder.")


def report_unreadable(
    problems: list[str], usable: int, total: int, what: str, left_out: Counter[str]
) -> None:
    """Warns of files that cannot be read; their number goes to `left_out`.

    Args:
        problems: a sentence for each.
        usable: how many files were read and are what they should be.
        total: files that were tried.
        what: the files, such as `.json files in labels`.
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
