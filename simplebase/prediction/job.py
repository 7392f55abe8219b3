"""A prediction that can begin: an open model, inputs in parts, and how far it is."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from simplebase.demo.finding.boxes import BoxesByFrame
from simplebase.errors import ArgumentError
from simplebase.prediction.cluster import WorkerSpec, predict_on_ray
from simplebase.prediction.crops import CropReader
from simplebase.prediction.inputs import Inputs, Part
from simplebase.prediction.local import PerThread, predict_locally
from simplebase.prediction.rows import PoseModel, Rows, open_model
from simplebase.prediction.settings import PredictionSettings, model_sha256
from simplebase.prediction.sources import find_inputs
from simplebase.progress import Progress
from simplebase.ray_cluster import ClusterOptions
from simplebase.runtimes import needs_tensorflow
from simplebase.version import __version__

EngineName = Literal["local", "ray"]
FilePath = str | os.PathLike[str]


class Job:
    """An open model and the inputs that it is to look at.

    Args:
        source: see `simplebase.predict`.
        model: see `simplebase.predict`.
        settings: where to look, and how.
        images: see `simplebase.predict`.
        images_per_part: see `write_predictions`.

    Raises:
        SimplebaseError: as `write_predictions`, before anything is written.
    """

    def __init__(
        self,
        source: FilePath | Sequence[FilePath],
        model: FilePath,
        settings: PredictionSettings,
        images: FilePath | None,
        images_per_part: int,
    ) -> None:
        from simplebase.zoo import model_file

        self.settings = settings
        self.model = model_file(model, runnable=True)
        self.sha256 = model_sha256(self.model)
        self.find = settings.finder()
        # The threads of the local engine share the cores.
        self.opened = self._open()
        metadata = self.opened.metadata
        sources = [source] if isinstance(source, str | os.PathLike) else list(source)
        self.inputs: Inputs = find_inputs(
            sources,
            crop=metadata.crop,
            input_size=metadata.input_size,
            skeleton=metadata.skeleton,
            images=images,
        )
        if self.inputs.packed and settings.looks_itself:
            raise ArgumentError(
                f"{self.inputs.name} is packed: its images are crops already, so leave out --box, "
                "--boxes and --detector."
            )
        self.parts = self.inputs.parts(images_per_part)

    def _open(self) -> PoseModel:
        return open_model(self.model, self.settings, self.sha256, threads=1)

    def content(self, images_per_part: int) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        return {
            "inputs": {"count": len(self.inputs), "sha256": self.inputs.sha256},
            "model": {"sha256": self.sha256},
            "skeleton": self.opened.metadata.skeleton.to_config(),
            "options": self.settings.to_config(),
            "parts": len(self.parts),
            "images_per_part": images_per_part,
        }

    def notes(self) -> dict[str, Any]:
        """What people may want to know."""
        return {
            "simplebase": __version__,
            "source": self.inputs.name,
            "model_file": self.model.name,
        }

    def run(
        self,
        parts: Sequence[Part],
        engine: EngineName,
        cluster: ClusterOptions | None,
        tally: "Tally",
    ) -> Iterator[Rows]:
        """What is found in the parts."""
        if engine == "ray":
            spec = WorkerSpec.of(self.inputs, self.model, self.sha256, self.settings)
            rows = predict_on_ray(self.inputs, parts, spec, cluster or ClusterOptions())
        else:
            reader = CropReader.of(self.inputs, self.opened.metadata, self.settings, self.find)
            more = None if needs_tensorflow(self.model) else self._open
            rows = predict_locally(
                self.inputs,
                parts,
                reader,
                PerThread(self.opened, more),
                size=self.settings.batch_size,
                counted=tally.add_frames,
            )
        for each in rows:
            tally.add(each)
            yield each

    def warn_of_unused_boxes(self) -> None:
        """Warns of entries of a file of boxes that no image had."""
        if isinstance(self.find, BoxesByFrame):
            self.find.warn_of_unused()


class Tally:
    """Tells how far a prediction is.

    Args:
        job: what is done.
        done: images of parts that are done already, by their number.
        progress: is told.
    """

    def __init__(self, job: Job, done: dict[int, int], progress: Progress | None) -> None:
        self._progress = progress
        self._done = sum(done.values())
        left = sum(part.stop - part.start for part in job.parts if part.number not in done)
        self._total = self._done + left

    def add_frames(self, count: int) -> None:
        """Counts a video that was opened, of so many frames."""
        self._total += count - 1

    def add(self, rows: Rows) -> None:
        """Counts a chunk that is done."""
        self._done += rows.images + len(rows.problems)
        if self._progress:
            # A video's number of frames is an estimate.
            self._progress(self._done, max(self._done, self._total))
