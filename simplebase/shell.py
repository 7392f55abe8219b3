"""Formats command lines for users to copy into a terminal."""

import os
import shlex
import subprocess
from collections.abc import Iterable


def command_line(words: Iterable[str | os.PathLike[str]]) -> str:
    """Returns the words as one line for this system's shell, quoted where needed.

    Windows' shells do not support single quotes, which POSIX quoting uses for backslashes.
    """
    texts = [os.fspath(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)
