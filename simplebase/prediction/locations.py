"""Reading files at any address that fsspec opens, such as `s3://`, `gs://` and `https://`."""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simplebase.errors import DataError, MissingFileError, MissingPackageError, one_line
from simplebase.extras import import_with_extras
from simplebase.prediction.inputs import is_address

_PATTERN = "*?["


def read_address(address: str) -> bytes:
    """The content of a file.

    Raises:
        MissingFileError: there is none.
        DataError: it cannot be read, for one because rights are missing.
        MissingPackageError: fsspec, or its package for this kind of address, is not installed.
    """
    with _explained(address):
        system, path = _system(address)
        return bytes(system.cat_file(path))


def list_address(address: str) -> list[str]:
    """The files that an address means: a pattern's, those in a folder, or the one that it names.

    Raises:
        MissingFileError, DataError, MissingPackageError: as `read_address`.
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
    """The path of a file in a folder that may be at an address."""
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
    """Makes one sentence of whatever a file system's library raises."""
    try:
        yield
    except (DataError, MissingPackageError):
        raise
    except FileNotFoundError as error:
        raise MissingFileError(f"{address} does not exist. Check the address.") from error
    except ImportError as error:  # fsspec names the package
        protocol = address.partition("://")[0]
        raise MissingPackageError(
            f"{address}: addresses of {protocol}:// need another package: {one_line(error)}. "
            "Install it with pip."
        ) from error
    except PermissionError as error:
        raise DataError(
            f"{address} cannot be read: access is denied ({one_line(error)}). Log in, or set the "
            "credentials of this storage."
        ) from error
    except Exception as error:  # each storage's library has errors of its own
        raise DataError(f"{address} cannot be read: {one_line(error) or error!r}.") from error
