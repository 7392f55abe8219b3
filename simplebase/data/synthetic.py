"""The embedded dataset: figures that are drawn on the user's machine in seconds, offline."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.data.dataset import ANNOTATIONS, FOLDER_CONTENT, FOLDER_MARKERS, IMAGES
from simplebase.data.figures import draw_figure
from simplebase.data.records import make_record
from simplebase.errors import ArgumentError, OutputExistsError
from simplebase.files import cache_folder, replacing, write_json
from simplebase.files.locks import turn
from simplebase.images import write_image
from simplebase.progress import Progress
from simplebase.skeletons import load_skeleton, write_text_files
from simplebase.threads import thread_pool

SKELETON = "mpii"
VALIDATION_EVERY = 5
"""Every fifth figure is held out, so that a larger set starts with the smaller one."""

DEFAULT_COUNT = 1500
# Increment when the drawings change, so that old figures in the cache are not used.
_VERSION = 1


def synthesize(
    folder: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Draws a dataset folder of `count` figures with exact keypoints of the skeleton `mpii`.

    The same count and seed give the same bytes. A larger count starts with the same figures.

    Args:
        folder: the folder to write, which appears only when it is complete.
        count: number of figures, one per image. Every fifth is held out for validation.
        seed: seed, 0 or above.
        overwrite: replace `folder` if it is a dataset.
        progress: is called with the number of finished figures and the total.

    Returns:
        The folder.

    Raises:
        ArgumentError: `count` is too small for two splits, or `seed` is negative.
        OutputExistsError: `folder` exists and `overwrite` is off.
    """
    if count < VALIDATION_EVERY:
        raise ArgumentError(f"count must be at least {VALIDATION_EVERY}. Received: {count}.")
    if seed < 0:
        raise ArgumentError(f"seed must be 0 or above. Received: {seed}.")
    with replacing(
        folder,
        overwrite=overwrite,
        folder_markers=FOLDER_MARKERS,
        folder_content=FOLDER_CONTENT,
    ) as partial:
        (partial / IMAGES).mkdir(parents=True)
        records = []
        with thread_pool() as pool:
            jobs = pool.map(lambda index: _draw(partial / IMAGES, seed, index), range(count))
            for done, record in enumerate(jobs, start=1):
                records.append(record)
                if progress:
                    progress(done, count)
        write_json(partial / ANNOTATIONS, records)
        write_text_files(load_skeleton(SKELETON), partial)
    return Path(folder)


def embedded_dataset(progress: Progress | None = None) -> Path:
    """Returns the embedded dataset's folder in the user's cache; draws it at the first call."""
    folder = cache_folder() / f"synthetic_v{_VERSION}_{DEFAULT_COUNT}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with turn(folder.with_name(f".{folder.name}.lock"), "the embedded dataset"):
            # Another process has drawn it meanwhile.
            if not folder.exists():
                with suppress(OutputExistsError):
                    synthesize(folder, count=DEFAULT_COUNT, progress=progress)
    return folder


def _draw(images: Path, seed: int, index: int) -> dict[str, Any]:
    figure = draw_figure(np.random.default_rng([seed, index]))
    name = f"{index:06d}.jpg"
    write_image(images / name, figure.image)
    return make_record(
        dataset="synthetic",
        validation=index % VALIDATION_EVERY == VALIDATION_EVERY - 1,
        path=name,
        center=np.round(figure.center, 3),
        scale=round(figure.scale, 6),
        keypoints=np.round(figure.keypoints, 3),
        headbox=np.round(figure.headbox, 3),
    )
