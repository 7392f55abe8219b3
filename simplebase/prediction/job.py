"""A prediction that is ready to run: an open model, the inputs in parts, and the progress."""

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
    """An open model and its inputs.

    Args:
        source: see `simplebase.predict`.
        model: see `simplebase.predict`.
        settings: the settings of the prediction.
        images: see `simplebase.predict`.
        images_per_part: see `write_predictions`.

    Raises:
        SimplebaseError: see `write_predictions`. Nothing has been written yet.
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
        # One thread per model, because the local engine uses one model per core.
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
        if self.inputs.packed and settings.ignores_source_boxes:
            raise ArgumentError(
                f"{self.inputs.name} is packed, so its images are already crops. Leave out --box, "
                "--boxes and --detector."
            )
        self.parts = self.inputs.parts(images_per_part)

    def _open(self) -> PoseModel:
        return open_model(self.model, self.settings, self.sha256, threads=1)

    def content(self, images_per_part: int) -> dict[str, Any]:
        """Returns the part of the manifest that must be the same for a run to be continued."""
        return {
            "inputs": {"count": len(self.inputs), "sha256": self.inputs.sha256},
            "model": {"sha256": self.sha256},
            "skeleton": self.opened.metadata.skeleton.to_config(),
            "options": self.settings.to_config(),
            "parts": len(self.parts),
            "images_per_part": images_per_part,
        }

    def notes(self) -> dict[str, Any]:
        """Returns the part of the manifest that is for people."""
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
        """Yields the rows of the chunks of `parts`."""
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
        """Warns of entries in a file of boxes that match no image."""
        if isinstance(self.find, BoxesByFrame):
            self.find.warn_of_unused()


class Tally:
    """Counts finished images and reports the progress.

    Args:
        job: the prediction.
        done: number of images in each part that an earlier run finished, by the part's number.
        progress: called with the number of finished images and the total.
    """

    def __init__(self, job: Job, done: dict[int, int], progress: Progress | None) -> None:
        self._progress = progress
        self._done = sum(done.values())
        left = sum(part.stop - part.start for part in job.parts if part.number not in done)
        self._total = self._done + left

    def add_frames(self, count: int) -> None:
        """Adds the frames of a video that was opened to the total."""
        self._total += count - 1

    def add(self, rows: Rows) -> None:
        """Counts a finished chunk."""
        self._done += rows.images + len(rows.problems)
        if self._progress:
            # A video's number of frames is an estimate.
            self._progress(self._done, max(self._done, self._total))
