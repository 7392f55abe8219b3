"""Exports a model to another format and verifies the result.

```
model.tflite                the exported file
model.tflite.json           its metadata, see `simplebase.metadata`
model.tflite.parity.json    its comparison with the model, see `Parity`
```

A file whose results differ, or that does not run, is kept as `model.tflite.rejected`, with the same
two files, until an export succeeds.
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.data.synthetic import embedded_dataset
from simplebase.devices import on_processor
from simplebase.dtypes import to_float32
from simplebase.errors import (
    ArgumentError,
    DataError,
    ParityError,
    SimplebaseError,
    SimplebaseWarning,
    first_line,
)
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.export.export_settings import FORMATS, ExportSettings
from simplebase.export.graph import ExportGraph
from simplebase.export.parity import DEFAULT_TOLERANCE, Limits, Parity, Reference, limits_of
from simplebase.export.places import Place, file_place, parity_file
from simplebase.export.samples import divide, read_samples
from simplebase.extras import import_with_extras
from simplebase.files import write_json
from simplebase.metadata import Output, write_metadata
from simplebase.runtimes import load_runtime
from simplebase.runtimes.artifact import ArtifactRuntime
from simplebase.runtimes.keras import KerasRuntime
from simplebase.training.runs.folder import Run

DEFAULT_IMAGES = 200
"""Number of images for calibration, and of other images for the comparison."""

_FEW_IMAGES = 100
_LOW_PCK = 0.1

ReportStep = Callable[[str], None]
"""Is called with a short description of each step, for a progress display."""


class Exporter:
    """Exports a model to one or more files, and verifies each before it is moved into place.

    Args:
        model: a `.keras` file that simplebase wrote.
        calibration: a dataset with the model's kind of objects. Some of its images calibrate int8,
            and others are used to verify every file. The default is the embedded figures.
        images: largest number of images for each of the two purposes.
        seed: seed of the choice of images.
        tolerance: largest loss of PCK, see `limits_of`.
        report: is called with the name of each step, such as `writing onnx`.

    Raises:
        MissingFileError, DataError: `model` is missing or not such a file.
        ArgumentError: a value is out of range.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        calibration: KeypointDataset | None = None,
        *,
        images: int = DEFAULT_IMAGES,
        seed: int = 0,
        tolerance: float = DEFAULT_TOLERANCE,
        report: ReportStep | None = None,
    ) -> None:
        if images < 1:
            raise ArgumentError(f"images must be at least 1. Received: {images}.")
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
        self._graphs: dict[tuple[Output, ...], ExportGraph] = {}

    def require_calibration(self) -> None:
        """Checks that the calibration images show the model's kind of objects.

        Raises:
            ArgumentError: only the embedded figures are available, and the model is for others.
        """
        theirs, mine = self._calibration.skeleton, self.model.metadata.skeleton
        if self._embedded and theirs.keypoints != mine.keypoints:
            raise ArgumentError(
                "int8 needs the range of the activations on images of the model's own kind. Give "
                "--calibration, a dataset folder."
            )

    def export(
        self,
        output: str | os.PathLike[str],
        settings: ExportSettings,
        *,
        overwrite: bool = False,
    ) -> Parity:
        """Writes a file with its sidecar and comparison, if its results agree with the model's.

        Raises:
            ArgumentError: `output` does not have the format's suffix, or int8 cannot be calibrated.
            OutputExistsError: a file exists and `overwrite` is off.
            MissingPackageError: the format needs a package that is not installed.
            DataError: the conversion fails.
            ParityError: the file's results differ from the model's. It is kept as `.rejected`.
        """
        place = file_place(output, settings)
        place.require(overwrite=overwrite)
        writer = import_writer(settings)
        if settings.calibrated:
            self.require_calibration()
        graph = self._graph(settings.output_names)
        reference = self.reference()
        limits = limits_of(settings.quantization, self.tolerance)
        with place.replacing(overwrite=overwrite) as partial:
            self.report(f"writing {settings.title}")
            crops = self._calibration_crops() if settings.calibrated else np.empty(0)
            _write(writer, graph, partial, settings, crops)
            write_metadata(partial, graph.metadata)
            self.report(f"checking {settings.title}")
            parity, faults = _compared(reference, partial, limits)
            report = {"passed": False, "faults": faults} if parity is None else parity.to_config()
            write_json(parity_file(partial), report)
            if faults:
                _reject(place, partial, faults, parity)
        assert parity is not None, "a file that does not run has a fault"
        place.remove_rejected()
        if limits.pck is not None and parity.model_pck < _LOW_PCK:
            warnings.warn(
                f"{place.path.name}: the model itself has a PCK of only {parity.model_pck:.3f} on "
                "these images, so the comparison says little.",
                SimplebaseWarning,
                stacklevel=2,
            )
        return parity

    def prepare(self) -> None:
        """Reads all images and runs the model, so that their errors are reported first."""
        self.require_calibration()
        self._calibration_crops()
        self.reference()

    def _graph(self, outputs: tuple[Output, ...]) -> ExportGraph:
        """Returns the graph that all files with these outputs share."""
        if outputs not in self._graphs:
            self._graphs[outputs] = ExportGraph(self.model, outputs)
        return self._graphs[outputs]

    def _calibration_crops(self) -> np.ndarray:
        """Returns the crops for calibration; warns once if there are few."""
        if self._crops is None:
            if min(len(self._calibration), len(self._check)) < _FEW_IMAGES:
                warnings.warn(
                    f"{self._calibration.name}: int8 is calibrated on only "
                    f"{len(self._calibration)} objects and compared on {len(self._check)}. With "
                    f"fewer than {_FEW_IMAGES}, neither is reliable.",
                    SimplebaseWarning,
                    stacklevel=3,
                )
            self._crops = read_samples(self._calibration, self.model.metadata).crops
        return self._crops

    def reference(self) -> Reference:
        """The model's results on the images of the comparison, computed once."""
        if self._reference is None:
            samples = read_samples(self._check, self.model.metadata)
            self._reference = Reference.of(KerasRuntime(self.model), samples)
        return self._reference


def import_writer(settings: ExportSettings) -> ModuleType:
    """Imports and returns the module that writes the format of `settings`.

    Raises:
        MissingPackageError: it needs a package that is not installed.
    """
    return import_with_extras(f"simplebase.export.{FORMATS[settings.format].module}")


def _load(path: Path) -> SimpleBaseline:
    run = Run(path)
    within = (run.checkpoints.name, run.state.name)
    if path.name in within or run.checkpoints.is_dir():
        folder = next(at for at in (path, *path.parents) if at.name not in within)
        raise DataError(
            f"{path} belongs to a training run and is not a model. Write the run's model with "
            f"`simplebase dump {Run(folder).best} MODEL.keras`, and export that."
        )
    # The weights have to be on the device on which `Reference` runs the model.
    with on_processor():
        model = load_model(path)
    # `--quantize` alone chooses the precision of an exported file.
    to_float32(model)
    return model


def _write(
    writer: ModuleType, graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray
) -> None:
    try:
        writer.write(graph, path, settings, crops)
    except (SimplebaseError, OSError):
        raise
    except Exception as error:  # Each converter raises its own types.
        raise DataError(
            f"{settings.title} cannot be written: {first_line(error).rstrip('.')}."
        ) from error


def _compared(reference: Reference, path: Path, limits: Limits) -> tuple[Parity | None, list[str]]:
    """Returns the comparison of a file (None if it does not run), and its faults."""
    try:
        with on_processor():
            runtime = load_runtime(path)
        assert isinstance(runtime, ArtifactRuntime), "no export format is Keras's own"
        parity = reference.compare(runtime, limits)
    except DataError as error:
        return None, [str(error).replace(str(path), "it").rstrip(".")]
    return parity, parity.faults


def _reject(place: Place, partial: Path, faults: list[str], parity: Parity | None) -> None:
    """Keeps the partial file as `.rejected`, and raises the error that says why.

    Raises:
        ParityError: always.
    """
    place.reject(partial)
    raise ParityError(
        f"the results of {place.path.name} differ from those of the model: {'; '.join(faults)}. "
        f"The file is kept as {place.rejected}, with {parity_file(place.rejected).name}.",
        parity,
    )
