"""PyTorch's own format since 1.6: a zip archive of a pickle and the tensors' bytes.

```
NAME/data.pkl      containers, names, shapes; refers to storages by key
NAME/data/KEY      the numbers of one storage
NAME/byteorder     little or big
```
"""

import math
import pickle
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from simplebase.converters.weights.checkpoint import shortened
from simplebase.converters.weights.unpickling import (
    ForbiddenNameError,
    Storage,
    TensorView,
    unpickle,
)
from simplebase.errors import DataError, first_line

# A pickle holds names and shapes only; ResNet-152's has 0.2 MB.
_LARGEST_PICKLE = 64 * 2**20


def read_torch_zip(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads the tensors of a state dict.

    Args:
        path: a file that `torch.save` wrote.

    Returns:
        The tensors by name, and what else the file holds beside the state dict.

    Raises:
        DataError: it is damaged, no such file, names code, or holds no state dict.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folder = _folder(archive, path)
            content = _read_pickle(archive, f"{folder}data.pkl", path)
            views, rest = _state_dict(content, path)
            little = _is_little_endian(archive, folder)
            storages: dict[Storage, np.ndarray] = {}
            arrays = {}
            for name, view in views.items():
                if view.storage not in storages:
                    storages = {view.storage: _read_storage(archive, folder, view.storage, little)}
                arrays[name] = _windowed(storages[view.storage], view)
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is damaged or incomplete ({first_line(error)}). Fetch it again."
        ) from error
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
    if archive.getinfo(name).file_size > _LARGEST_PICKLE:
        raise DataError(f"{path} is larger in its {name} than any list of tensors is.")
    try:
        with archive.open(name) as file:
            return unpickle(file)
    except ForbiddenNameError as error:
        raise DataError(
            f"{path} would run code: its pickle names {error}. Only tensors and plain containers "
            "are read. If you trust the file, save its weights alone, by "
            "torch.save(model.state_dict(), FILE)."
        ) from error
    except (zipfile.BadZipFile, MemoryError):
        raise
    except Exception as error:  # A damaged pickle raises whatever its next instruction trips over.
        raise DataError(f"{path} is damaged: its pickle cannot be read ({error!r}).") from error


def _state_dict(content: Any, path: Path) -> tuple[dict[str, TensorView], dict[str, Any]]:
    """Finds names and tensors; a checkpoint of a training has them under a key."""
    rest: dict[str, Any] = {}
    if isinstance(content, dict):
        for key in ("state_dict", "model", "model_state_dict"):
            if isinstance(content.get(key), dict):
                rest = {name: value for name, value in content.items() if name != key}
                content = content[key]
                break
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path} holds {_described(content)}, not a state dict.")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, TensorView):
            raise DataError(
                f"{path} holds no state dict: {name!r} in it is {_described(value)}, not a tensor."
            )
    return content, rest


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict of {shortened([str(key) for key in value])}" if value else "an empty dict"
    return f"a {type(value).__name__.strip('_')}"


def _is_little_endian(archive: zipfile.ZipFile, folder: str) -> bool:
    try:
        return archive.read(f"{folder}byteorder").strip() != b"big"
    except KeyError:  # Files of torch before 2.1 are of the machine that wrote them.
        return True


def _read_storage(
    archive: zipfile.ZipFile, folder: str, storage: Storage, little: bool
) -> np.ndarray:
    information = archive.getinfo(f"{folder}data/{storage.key}")
    expected = storage.count * storage.itemsize
    # torch does not compress: a small file cannot claim to be a large one.
    if information.compress_type != zipfile.ZIP_STORED or information.file_size < expected:
        raise ValueError(f"storage {storage.key} has not the {expected} bytes that it should have")
    content = archive.read(information)[:expected]
    order: Literal["<", ">"] = "<" if little else ">"
    if storage.dtype == "bfloat16":
        halves = np.frombuffer(content, f"{order}u2").astype(np.uint32)
        return (halves << 16).view(np.float32)
    return np.frombuffer(content, np.dtype(storage.dtype).newbyteorder(order))


def _windowed(storage: np.ndarray, view: TensorView) -> np.ndarray:
    """The numbers of a tensor, copied."""
    if math.prod(view.shape) == 0:
        return np.zeros(view.shape, storage.dtype)
    last = view.offset + sum(
        (size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True)
    )
    if last >= len(storage) or math.prod(view.shape) > len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    strides = tuple(stride * storage.itemsize for stride in view.strides)
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides).copy()


def is_legacy(head: bytes) -> bool:
    """Whether a file begins as those of PyTorch before 1.6 do: a pickled number, or a tar."""
    return head.startswith(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)) or (
        head[257:262] == b"ustar"
    )
