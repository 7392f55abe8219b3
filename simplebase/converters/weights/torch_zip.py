"""PyTorch's own format since 1.6: a zip archive of a pickle and the tensors' bytes.

```
NAME/data.pkl      containers, names, shapes; refers to storages by key
NAME/data/KEY      the numbers of one storage
NAME/byteorder     little or big
```
"""

import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.weights.checkpoint import shortened
from simplebase.converters.weights.stand_ins import Storage
from simplebase.converters.weights.torch_tensors import (
    LARGEST_PICKLE,
    arrays_of,
    damage_reported,
    find_state_dict,
    read_pickle,
)
from simplebase.errors import DataError

# "little" or "big".
_LONGEST_BYTEORDER = 16

# Errors of zipfile and its decompressors for truncated, altered or forged archives.
_ARCHIVE_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)


def read_torch_zip(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads the tensors of a state dict.

    Args:
        path: a file that `torch.save` wrote.

    Returns:
        The tensors by name, and the content besides the state dict.

    Raises:
        DataError: it is damaged, not such a file, names code, or contains no state dict.
    """
    with damage_reported(path, *_ARCHIVE_DAMAGE), zipfile.ZipFile(path) as archive:
        folder = _folder(archive, path)
        content = _read_pickle(archive, f"{folder}data.pkl", path)
        views, rest = find_state_dict(content, path)
        arrays = arrays_of(
            views,
            lambda storage: _read_storage(archive, folder, storage),
            path.stat().st_size,
            "<" if _is_little_endian(archive, folder) else ">",
        )
    return arrays, rest


def _folder(archive: zipfile.ZipFile, path: Path) -> str:
    names = archive.namelist()
    if "config.json" in names and "model.weights.h5" in names:
        raise DataError(f"{path} is a Keras 3 model already.")
    pickles = [name for name in names if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise DataError(
            f"{path} is a zip archive that torch.save did not write. It holds {shortened(names)}."
        )
    folder = pickles[0].removesuffix("data.pkl")
    if any(name.startswith(f"{folder}code/") for name in names):
        raise DataError(
            f"{path} is TorchScript, a program. Save the weights alone, by "
            "torch.save(model.state_dict(), FILE)."
        )
    return folder


def _read_pickle(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    if archive.getinfo(name).file_size > LARGEST_PICKLE:
        raise DataError(f"{path} is larger in its {name} than any list of tensors is.")
    return read_pickle(io.BytesIO(archive.read(name)), path).value


def _is_little_endian(archive: zipfile.ZipFile, folder: str) -> bool:
    name = f"{folder}byteorder"
    if name not in archive.namelist():  # Files of torch before 2.1 have the machine's byte order.
        return True
    if archive.getinfo(name).file_size > _LONGEST_BYTEORDER:
        raise ValueError("its byteorder is neither little nor big")
    return archive.read(name).strip() != b"big"


def _read_storage(archive: zipfile.ZipFile, folder: str, storage: Storage) -> bytes:
    information = archive.getinfo(f"{folder}data/{storage.key}")
    expected = storage.count * storage.itemsize
    # torch does not compress, so a storage cannot be larger than the file.
    if information.compress_type != zipfile.ZIP_STORED or information.file_size < expected:
        raise ValueError(f"storage {storage.key} has not the {expected} bytes that it should have")
    return archive.read(information)[:expected]
