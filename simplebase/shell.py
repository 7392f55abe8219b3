"""Command lines that people copy into their terminal."""

import os
import shlex
import subprocess
from collections.abc import Iterable


def command_line(words: Iterable[str | os.PathLike[str]]) -> str:
    """The words as one line for the shell of this system, quoted where they need it.

    Windows' shells know no single quotes, which POSIX quoting puts around each backslash.
    """
    texts = [os.fspath(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)
