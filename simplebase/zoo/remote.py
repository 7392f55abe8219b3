"""Published files, and the error for an address that does not deliver its file."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from simplebase.errors import ArgumentError
from simplebase.files import file_sha256

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_HASH = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Args:
        name: name of the file, in the cache and in a mirror.
        urls: its addresses, which are tried in this order.
        sha256: the first 8 or more hex digits of its SHA-256.
        model: its name in `simplebase models get`.
        licence: the licence in one phrase.
        size: size in bytes, if known.
        git_sha1: if no SHA-256 is known, the first 8 or more hex digits of Git's SHA-1 of the file,
            which is that of `blob SIZE`, a zero byte and the content.

    Raises:
        ArgumentError: `name` is not a plain file name, there is not exactly one hash of at least 8
            hex digits, or `urls` or `licence` is empty.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None
    model: str
    licence: str
    size: int | None = None
    git_sha1: str | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        if not _NAME.fullmatch(self.name):
            raise ArgumentError(f"Expected a plain file name. Received: {self.name!r}.")
        if bool(self.sha256) == bool(self.git_sha1) or not _HASH.fullmatch(self.digest):
            raise ArgumentError(
                f"{self.name}: expected the first 8 or more hex digits of its SHA-256 or, in its "
                f"place, of Git's SHA-1, in lower case. Received: {self.sha256!r}, "
                f"{self.git_sha1!r}."
            )
        if not self.urls or not self.licence:
            raise ArgumentError(f"{self.name} needs an address and a licence.")

    @property
    def digest(self) -> str:
        """The known hex digits of its hash."""
        return self.sha256 or self.git_sha1 or ""

    def digest_of(self, path: Path) -> str:
        """Returns as many hex digits of the same hash of the file `path`."""
        if self.sha256:
            found = file_sha256(path)
        else:
            with path.open("rb") as file:
                git = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size)
                found = hashlib.file_digest(file, lambda: git).hexdigest()
        return found[: len(self.digest)]


class UnavailableError(Exception):
    """Raised if an address does not deliver a file; the text is a clause without a period.

    Args:
        reason: the text.
        cut: whether the transfer had started, so that another try can resume it.
    """

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        super().__init__(reason)
        self.cut = cut
