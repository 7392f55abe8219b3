"""The one door to pretrained models: where a model file is taken, their names are, too."""

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
"""Of `convert_weights` and `convert_compact`. Count up if one makes something else of a file: all
are made anew."""

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
    """The model file that a path or the name of a pretrained model stands for.

    A pretrained model is fetched and converted at its first use, see docs/pretrained.md. One of
    those in the package needs no network.

    Args:
        model: the path of a file or folder, or a name such as `person`. What exists under this path
            goes before the name, and `announce` is told.
        kind: what a name has to be of.
        runnable: whether any format will do, because the model is only to be run. Of a model of the
            package that is its int8 `.tflite`, unless LiteRT is not installed.
        local: whether a file or folder may be meant. If not, `model` is a name.
        offline: not to ask the network, as by SIMPLEBASE_OFFLINE=1.
        announce: called with a line before something is fetched or converted; by default it is
            printed to the standard error.
        progress: opens a progress bar.

    Returns:
        A path, not checked: `.keras` for a name (see `runnable`), `.onnx` for that of a detector.

    Raises:
        ArgumentError: a model of another kind has this name.
        MissingFileError: what looks like a name is none; the nearest are named.
        DownloadError: it cannot be fetched or kept.
        DataError: its file in the package was changed.
    """
    text = os.fspath(model)
    if local and not _NAME.fullmatch(text):
        return Path(text)
    if runnable and kind == "keypoints" and not (local and os.path.exists(text)):
        # Known without the table and what reading it imports.
        ready = runnable_file(text)
        if ready is not None:
            return ready
    # A path needs none of these, and should not wait for them.
    from simplebase.zoo.cache import converted
    from simplebase.zoo.fetching import fetch
    from simplebase.zoo.table import find, is_known, nearest

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
    if not is_known(text):
        raise MissingFileError(
            f"{text} is neither a file nor a pretrained model; `simplebase models` lists these. "
            f"{nearest(text)}"
        )
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


def _converter(row: "ZooModel", announce: "Announce") -> Callable[[Path, Path], None]:
    def convert(original: Path, target: Path) -> None:
        announce(f"Converting {row.name}, once.")
        # Only this needs TensorFlow, which prints notes as it starts.
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
    """Of what is made of the row's file: another converter, or other settings, make another."""
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
