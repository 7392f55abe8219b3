"""Reads files at any address that fsspec can open, such as `s3://`, `gs://` and `https://`."""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simplebase.errors import DataError, MissingFileError, MissingPackageError, one_line
from simplebase.extras import import_with_extras
from simplebase.prediction.inputs import is_address

_PATTERN = "*?["


def read_address(address: str) -> bytes:
    """Returns the content of a file.

    Raises:
        MissingFileError: there is no such file.
        DataError: it cannot be read, for example because access is denied.
        MissingPackageError: fsspec, or its package for this kind of address, is not installed.
    """
    with _explained(address):
        system, path = _system(address)
        return bytes(system.cat_file(path))


def list_address(address: str) -> list[str]:
    """Lists the files of a pattern or folder at an address, or returns the file that it names.

    Raises:
        MissingFileError, DataError, MissingPackageError: see `read_address`.
    """
    with _explained(address):
        system, path = _system(address)
        if any(sign in path for sign in _PATTERN):
            found = system.glob(path)
        elif system.isdir(path):
            found = [each["name"] for each in system.ls(path, detail=True) if _is_file(each)]
        elif system.exists(path):
            return [address]
        else:
            raise FileNotFoundError(address)
        return sorted(str(system.unstrip_protocol(each)) for each in found)


def join(folder: str, name: str) -> str:
    """Joins a folder, which may be at an address, and a file name."""
    import os

    return posixpath.join(folder, name) if is_address(folder) else os.path.join(folder, name)


def _is_file(entry: dict[str, Any]) -> bool:
    return bool(entry["type"] == "file")


def _system(address: str) -> tuple[Any, str]:
    core: Any = import_with_extras("fsspec.core")
    system, path = core.url_to_fs(address)
    return system, path


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Turns whatever the library of a file system raises into an error of one sentence."""
    try:
        yield
    except (DataError, MissingPackageError):
        raise
    except FileNotFoundError as error:
        raise MissingFileError(f"{address} does not exist. Check the address.") from error
    except ImportError as error:  # whose message names the package
        protocol = address.partition("://")[0]
        raise MissingPackageError(
            f"{address}: addresses that begin with {protocol}:// need another package: "
            f"{one_line(error)}. Install it with pip."
        ) from error
    except PermissionError as error:
        raise DataError(
            f"{address} cannot be read: access is denied ({one_line(error)}). Log in, or set the "
            "credentials of this storage."
        ) from error
    except Exception as error:  # each library has its own errors
        raise DataError(f"{address} cannot be read: {one_line(error) or error!r}.") from error
