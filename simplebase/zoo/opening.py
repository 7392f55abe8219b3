"""Resolves model arguments, which may be paths or names of pretrained models."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from simplebase.errors import MissingFileError
from simplebase.extras import import_with_extras
from simplebase.progress import ProgressBar
from simplebase.silence import silenced_stderr
from simplebase.zoo.embedded import runnable_file

if TYPE_CHECKING:
    from simplebase.zoo.fetching import Announce
    from simplebase.zoo.table import Kind, ZooModel

CONVERSION = 1
"""Version of `convert_weights` and `convert_compact`. Increment it if a result changes, so that all
files are converted again."""

_NAME = re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")


def model_file(
    model: str | os.PathLike[str],
    kind: "Kind" = "keypoints",
    *,
    runnable: bool = False,
    local: bool = True,
    offline: bool = False,
    announce: "Announce | None" = None,
    progress: ProgressBar | None = None,
) -> Path:
    """Returns the model file for a path or the name of a pretrained model.

    A pretrained model is fetched and converted at its first use, see docs/pretrained.md. Models of
    the package need no network.

    Args:
        model: the path of a file or folder, or a name such as `person`. An existing path takes
            precedence over a name, and is reported to `announce`.
        kind: the required kind of a pretrained model.
        runnable: whether any format is acceptable, because the model is only run. For a model of
            the package this is its int8 `.tflite` if LiteRT is installed.
        local: whether `model` may be a file or folder. If not, it is a name.
        offline: do not use the network, like SIMPLEBASE_OFFLINE=1.
        announce: is called with a line before something is fetched or converted. By default the
            line is printed to standard error.
        progress: opens a progress bar.

    Returns:
        The unchecked path: for a name, a `.keras` file (see `runnable`), or `.onnx` for a detector.

    Raises:
        ArgumentError: the model with this name is of another kind.
        MissingFileError: neither a file nor a model has this name. Similar names are suggested.
        DownloadError: the model cannot be downloaded or stored.
        DataError: its file in the package was changed.
    """
    text = os.fspath(model)
    if local and not _NAME.fullmatch(text):
        return Path(text)
    if runnable and kind == "keypoints" and not (local and os.path.exists(text)):
        # Found without the table and its imports.
        ready = runnable_file(text)
        if ready is not None:
            return ready
    # Imported here, because a path does not need these modules.
    from simplebase.zoo.cache import converted
    from simplebase.zoo.fetching import fetch
    from simplebase.zoo.table import find, is_known

    tell = announce or _print
    if local and os.path.exists(text):
        if is_known(text):
            long_name = find(text).name
            tell(
                f"{text}: the file or folder of this name is used, not the pretrained model. Write "
                f"{os.path.join('.', text)} to say so, or "
                + ("rename it." if long_name == text else f"{long_name} for the pretrained model.")
            )
        return Path(text)
    require_model(text)
    row = find(text, kind)
    if row.kind == "detector":
        return fetch(row.remote, offline=offline, announce=tell, progress=progress)
    return converted(
        row.name,
        row.original,
        _converter(row, tell),
        version=_version(row),
        offline=offline,
        announce=tell,
        progress=progress,
    )


def require_model(model: str | os.PathLike[str]) -> None:
    """Checks that a word which could be the name of a pretrained model is one, or is a file.

    Raises:
        MissingFileError: neither a file nor a model has this name. Similar names are suggested.
    """
    text = os.fspath(model)
    if not _NAME.fullmatch(text) or os.path.exists(text):
        return
    from simplebase.zoo.table import is_known, nearest

    if not is_known(text):
        raise MissingFileError(f"{text} is neither a file nor a pretrained model. {nearest(text)}")


def _converter(row: "ZooModel", announce: "Announce") -> Callable[[Path, Path], None]:
    def convert(original: Path, target: Path) -> None:
        announce(f"Converting {row.name} to a .keras file, once.")
        # Only the conversion needs TensorFlow, which prints notes when it starts.
        with silenced_stderr():
            import_with_extras("tensorflow")
        if row.embedded is not None:
            from simplebase.zoo.embedded.compact import convert_compact

            return convert_compact(original, target)
        from simplebase.converters.weights import convert_weights
        from simplebase.zoo.conversion import conversion_options

        convert_weights(original, target, overwrite=True, **conversion_options(row))

    return convert


def _version(row: "ZooModel") -> str:
    """Returns the version of the conversion, which depends on the converter and the settings."""
    settings = [
        row.preset,
        row.backbone,
        row.skeleton,
        row.input_size,
        row.normalisation,
        row.crop and row.crop.to_config(),
        row.codec and row.codec.to_config(),
    ]
    return f"{CONVERSION}.{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:8]}"


def _print(line: str) -> None:
    print(line, file=sys.stderr)
