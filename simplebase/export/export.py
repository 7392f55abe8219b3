"""From a model to a file of another format that answers as it does.

```
model.tflite                what was asked for
model.tflite.json           its metadata, see `simplebase.metadata`
model.tflite.parity.json    how it compares with the model, see `Parity`
```

What compares badly is kept as `model.tflite.rejected`, with the same two beside it.
"""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from simplebase.data.dataset import KeypointDataset, load_dataset
from simplebase.data.synthetic import embedded_dataset
from simplebase.errors import ArgumentError, DataError, ParityError, SimplebaseWarning
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.export.graph import ExportGraph
from simplebase.export.parity import DEFAULT_TOLERANCE, Parity, Reference, limits_of
from simplebase.export.samples import divide, read_samples
from simplebase.export.settings import FORMATS, ExportSettings
from simplebase.extras import import_with_extras
from simplebase.files import replacing, require_output, write_json
from simplebase.metadata import metadata_file, write_metadata
from simplebase.runtimes import load_runtime
from simplebase.runtimes.keras import KerasRuntime

DEFAULT_IMAGES = 200
"""To calibrate on, and as many others to check with."""

_FEW_IMAGES = 100
_SAVED_MODEL_MARKERS = ("saved_model.pb", "variables")

Report = Callable[[str], None]
"""Is told what is being done, in a word or two."""


class Exporter:
    """Exports one model, to as many files as one likes, each checked before it is handed over.

    Args:
        model: a `.keras` file of ours.
        calibration: a dataset of the model's kind, whose images int8 is calibrated on, and whose
            other images every file is checked on. By default the embedded figures.
        images: up to how many of it for either.
        seed: of the choice of images.
        tolerance: of PCK, see `limits_of`.
        report: is told what is being done.

    Raises:
        MissingFileError, DataError: `model` is not such a file.
        ArgumentError: a value out of range.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        calibration: KeypointDataset | None = None,
        *,
        images: int = DEFAULT_IMAGES,
        seed: int = 0,
        tolerance: float = DEFAULT_TOLERANCE,
        report: Report | None = None,
    ) -> None:
        if images < 1:
            raise ArgumentError(f"images is at least 1. Received: {images}.")
        limits_of("int8", tolerance)
        self.tolerance = tolerance
        self.report = report or (lambda what: None)
        self.report("loading the model")
        self.model = _load(Path(model))
        self._embedded = calibration is None
        if calibration is None:
            calibration = load_dataset(embedded_dataset())
        self._calibration, self._check = divide(calibration, images, seed)
        self._crops: np.ndarray | None = None
        self._reference: Reference | None = None

    def require_calibration(self) -> None:
        """Refuses to calibrate on other things than the model is for; warns of few images.

        Raises:
            ArgumentError: there are only the embedded figures, and the model is not of their kind.
        """
        theirs, mine = self._calibration.skeleton, self.model.metadata.skeleton
        if self._embedded and theirs.keypoints != mine.keypoints:
            raise ArgumentError(
                "int8 needs the range of the activations on images of the model's own kind. Give "
                "--calibration, a dataset folder."
            )
        if len(self._calibration) < _FEW_IMAGES:
            warnings.warn(
                f"{self._calibration.name}: int8 is calibrated on only {len(self._calibration)} "
                f"objects; with fewer than {_FEW_IMAGES} its ranges are a guess.",
                SimplebaseWarning,
                stacklevel=3,
            )

    def export(
        self,
        output: str | os.PathLike[str],
        settings: ExportSettings,
        *,
        overwrite: bool = False,
    ) -> Parity:
        """Writes a file and what belongs to it, if it answers as the model does.

        Raises:
            ArgumentError: `output` has not the format's suffix, or int8 cannot be calibrated.
            OutputExistsError: a file exists and `overwrite` is off.
            MissingPackageError: the format needs a package that is not installed.
            DataError: the conversion fails.
            ParityError: the file does not answer as the model does; it is kept under another name.
        """
        path = require_place(output, settings, overwrite=overwrite)
        writer = import_with_extras(f"simplebase.export.{FORMATS[settings.format].module}")
        if settings.calibrated:
            self.require_calibration()
        graph = ExportGraph(self.model, settings.output_names)
        rejected = path.with_name(f"{path.name}.rejected")
        with _replacing_all(path, overwrite=overwrite) as partial:
            self.report(f"writing {settings.title}")
            crops = self._calibration_crops() if settings.calibrated else np.empty(0)
            writer.write(graph, partial, settings, crops)
            write_metadata(partial, graph.metadata)
            self.report(f"checking {settings.title}")
            parity = self._reference_answers().compare(
                load_runtime(partial), limits_of(settings.quantization, self.tolerance)
            )
            write_json(parity_file(partial), parity.to_config())
            if not parity.passed:
                _move(partial, rejected)
                raise ParityError(
                    f"{path.name} does not answer as the model does: {'; '.join(parity.faults)}. "
                    f"It is kept as {rejected}, with {parity_file(rejected).name}.",
                    parity,
                )
        return parity

    def _calibration_crops(self) -> np.ndarray:
        if self._crops is None:
            self._crops = read_samples(self._calibration, self.model.metadata).crops
        return self._crops

    def _reference_answers(self) -> Reference:
        if self._reference is None:
            samples = read_samples(self._check, self.model.metadata)
            self._reference = Reference.of(KerasRuntime(self.model), samples)
        return self._reference


def parity_file(path: str | os.PathLike[str]) -> Path:
    """Where the comparison of an exported file lies: its name and `.parity.json`."""
    path = Path(path)
    return path.with_name(f"{path.name}.parity.json")


def require_place(
    output: str | os.PathLike[str], settings: ExportSettings, *, overwrite: bool
) -> Path:
    """`output`, if an export with `settings` may be written there; raises as `Exporter.export`."""
    path = Path(output)
    suffix = FORMATS[settings.format].suffix
    if path.suffix.lower() != suffix and (suffix or path.suffix in _SUFFIXES):
        kind = f"ends in {suffix}" if suffix else "is a folder"
        raise ArgumentError(f"{path}: a {settings.format} export {kind}.")
    require_output(path, overwrite=overwrite, folder_markers=() if suffix else _SAVED_MODEL_MARKERS)
    for beside in (metadata_file(path), parity_file(path)):
        require_output(beside, overwrite=overwrite)
    return path


_SUFFIXES = {form.suffix for form in FORMATS.values()} | {".keras", ".h5"}


def _load(path: Path) -> SimpleBaseline:
    if path.is_dir() or path.suffix == ".npz":
        run = path if path.is_dir() else path.parent.parent
        raise DataError(
            f"{path} is no model but a training's. Write its model with `simplebase dump "
            f"{run / 'checkpoints' / 'best.keras'} MODEL.keras`, and export that."
        )
    return load_model(path)


@contextmanager
def _replacing_all(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """As `replacing`, for a model and what lies beside it."""
    markers = () if path.suffix else _SAVED_MODEL_MARKERS
    besides = (metadata_file, parity_file)
    with ExitStack() as stack:
        # What is entered last is moved first: the model itself comes when all else is there.
        partial = stack.enter_context(replacing(path, overwrite=overwrite, folder_markers=markers))
        targets = [
            stack.enter_context(replacing(beside(path), overwrite=overwrite)) for beside in besides
        ]
        yield partial
        for beside, target in zip(besides, targets, strict=True):
            shutil.copyfile(beside(partial), target)


def _move(partial: Path, rejected: Path) -> None:
    """Moves a model and what lies beside it, in place of what was rejected before."""
    if rejected.is_dir():
        shutil.rmtree(rejected)
    for source, target in (
        (partial, rejected),
        (metadata_file(partial), metadata_file(rejected)),
        (parity_file(partial), parity_file(rejected)),
    ):
        os.replace(source, target)
