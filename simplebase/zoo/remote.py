"""A file that somebody published, and the error of an address that does not deliver it."""

import re
from dataclasses import dataclass

from simplebase.errors import ArgumentError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_HASH = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Args:
        name: of the file, in the cache and in a mirror.
        urls: where it is; they are tried one after the other.
        sha256: the first 8 or more hex digits of its SHA-256.
        model: what it is, by the name that `simplebase models get` takes.
        licence: in one phrase.
        size: bytes, if known.

    Raises:
        ArgumentError: `name` is no plain file name, `sha256` is not 8 to 64 hex digits, or `urls`
            or `licence` is empty.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str
    model: str
    licence: str
    size: int | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        if not _NAME.fullmatch(self.name):
            raise ArgumentError(f"Expected a plain file name. Received: {self.name!r}.")
        if not _HASH.fullmatch(self.sha256):
            raise ArgumentError(
                f"{self.name}: expected the first 8 or more hex digits of its SHA-256, in lower "
                f"case. Received: {self.sha256!r}."
            )
        if not self.urls or not self.licence:
            raise ArgumentError(f"{self.name} needs an address and a licence.")


class UnavailableError(Exception):
    """An address does not deliver a file; the text is a clause without a period.

    Args:
        reason: the text.
        cut: whether the transfer had begun, so that another try can go on with it.
    """

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        super().__init__(reason)
        self.cut = cut
