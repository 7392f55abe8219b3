"""Detects the format of a dataset by its files' names and first bytes.

To add a format, add a function to `looks_like.py` and a line to `FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simplebase.converters.label_sources import require_source
from simplebase.converters.recognition import looks_like
from simplebase.converters.recognition.clues import Clues
from simplebase.converters.recognition.looks_like import Evidence
from simplebase.errors import DataError
from simplebase.progress import Progress

if TYPE_CHECKING:
    from simplebase.converters import Conversion

_WITHOUT_PROGRESS = {"animal-pose", "coco", "lsp"}


FORMATS: dict[str, Callable[[Clues], Evidence | None]] = {
    "yolo": looks_like.yolo,
    "cvat": looks_like.cvat,
    "label-studio": looks_like.label_studio,
    "deeplabcut": looks_like.deeplabcut,
    "lightning-pose": looks_like.lightning_pose,
    "sleap": looks_like.sleap,
    "labelme": looks_like.labelme,
    "via": looks_like.via,
    "datumaro": looks_like.datumaro,
    "coco": looks_like.coco,
    "animal-pose": looks_like.animal_pose,
    "pts": looks_like.pts,
    "pose-outputs": looks_like.pose_outputs,
    "mpii": looks_like.mpii,
    "lsp": looks_like.lsp,
}
"""Formats by the command's name; the reader is `read_` and that name."""


@dataclass(frozen=True)
class Recognised:
    """A source with a known format; `format` is the command's name."""

    format: str
    evidence: Evidence

    def read(
        self, *, val_split: float = 0.1, seed: int = 0, progress: Progress | None = None
    ) -> "Conversion":
        """Reads the source with the format's reader.

        Raises:
            SimplebaseError: the errors of that reader.
        """
        from simplebase import converters

        reader = getattr(converters, f"read_{self.format.replace('-', '_')}")
        shown = {} if self.format in _WITHOUT_PROGRESS else {"progress": progress}
        conversion: Conversion = reader(
            self.evidence.source,
            val_split=val_split,
            seed=seed,
            **shown,
            **self.evidence.arguments,
        )
        return conversion


def recognise(source: Path) -> Recognised:
    """Detects the format of a file or folder.

    Raises:
        MissingFileError: `source` does not exist.
        DataError: it is an archive, or it looks like no supported format or like several.
    """
    clues = Clues(require_source(source, "the dataset"))
    if own := clues.find_json(lambda keys: keys.is_list and keys.has("joint_self", depth=2)):
        raise DataError(
            f"{source} needs no conversion: {clues.short(own[0])} has the records of a dataset of "
            "simplebase. Give the folder as --dataset."
        )
    found = {name: evidence for name, look in FORMATS.items() if (evidence := look(clues))}
    if not found:
        raise DataError(
            f"{source} looks like none of {', '.join(FORMATS)}. Found {clues.summary()}. "
            "docs/datasets/converting.md says which files each format has."
        )
    if len(found) > 1:
        reasons = "; ".join(f"{name}, because {each.reason}" for name, each in found.items())
        raise DataError(
            f"{source} looks like several formats: {reasons}. Choose one by `simplebase convert "
            "FORMAT`, or give the file or folder of one."
        )
    ((name, evidence),) = found.items()
    return Recognised(name, evidence)
