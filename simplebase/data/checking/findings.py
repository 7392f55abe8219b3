"""The findings of a check."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from simplebase.data.dataset import KeypointDataset

Severity = Literal["error", "warning"]

KINDS: dict[str, Severity] = {
    # A training run stops at these, or learns nothing from the record.
    "broken-record": "error",
    "missing-image": "error",
    "unreadable-image": "error",
    "damaged-image": "error",
    "damaged-shard": "error",
    "box-without-area": "error",
    "crop-misses-object": "error",
    # These may be intended.
    "lost-depth": "warning",
    "empty-split": "warning",
    "missing-flip-pairs": "warning",
    "left-right-swapped": "warning",
    "suspect-label": "warning",
    "keypoint-outside-image": "warning",
    "crop-cuts-keypoints": "warning",
    "box-outside-image": "warning",
    "box-misses-keypoints": "warning",
    "box-size": "warning",
    "no-keypoints": "warning",
    "tiny-object": "warning",
    "repeated-record": "warning",
    "image-in-both-splits": "warning",
    "duplicate-image": "warning",
    "keypoint-never-labelled": "warning",
    "keypoint-rarely-labelled": "warning",
    "unusual-visibility": "warning",
}
"""All kinds of findings with their severity, in the order of a report."""


@dataclass(frozen=True)
class Finding:
    """An error or a suspicion.

    Args:
        kind: one of `KINDS`.
        message: a sentence that describes it.
        record: index in the annotation file; `None` if it concerns the whole dataset.
        img_paths: the record's image, if it has one.
    """

    kind: str
    message: str
    record: int | None = None
    img_paths: str | None = None

    @property
    def severity(self) -> Severity:
        """`error` or `warning`."""
        return KINDS[self.kind]

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {"severity": self.severity, **asdict(self)}


@dataclass(frozen=True)
class CheckReport:
    """All findings of a dataset, errors first, then by kind and record.

    Args:
        records: number of records in the annotation file.
        images: number of image files that they name.
        findings: the findings.
        usable: the records whose fields and images are valid; `None` if there are none, or if the
            dataset is packed.
        rows: index of each usable record in the annotation file.
    """

    records: int
    images: int
    findings: tuple[Finding, ...]
    usable: KeypointDataset | None = field(default=None, compare=False, repr=False)
    rows: tuple[int, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Sorts the findings."""
        order = list(KINDS)
        key = [(order.index(each.kind), each.record or 0) for each in self.findings]
        places = sorted(range(len(key)), key=key.__getitem__)
        object.__setattr__(self, "findings", tuple(self.findings[place] for place in places))

    def with_findings(self, more: Iterable[Finding]) -> "CheckReport":
        """Returns the report with further findings, whose `record` is a row of `usable`."""
        added = list(more)
        if self.usable is not None:
            paths = self.usable.records.paths
            added = [
                each
                if each.record is None
                else replace(each, record=self.rows[each.record], img_paths=paths[each.record])
                for each in added
            ]
        return replace(self, findings=(*self.findings, *added))

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return len(self.findings) - self.errors

    def by_kind(self) -> dict[str, list[Finding]]:
        """Returns the findings by their kind."""
        groups: dict[str, list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.kind, []).append(finding)
        return groups

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "records": self.records,
            "images": self.images,
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [finding.to_config() for finding in self.findings],
        }


def next_command(
    report: CheckReport, folder: str | os.PathLike[str], options: Sequence[str] = ()
) -> list[str]:
    """Returns the words of the command that follows a check without errors.

    That is `train`, or `data split` if a split is empty, because `train` refuses such a dataset.

    Args:
        report: the findings.
        folder: the dataset folder.
        options: options that the skeleton was given by.
    """
    if any(finding.kind == "empty-split" for finding in report.findings):
        # A name beside the folder, also of `data/cows/` and of `.`.
        beside = Path(folder) if Path(folder).name else Path(folder).absolute()
        return ["simplebase", "data", "split", os.fspath(folder), f"{beside}_split", *options]
    return ["simplebase", "train", "--dataset", os.fspath(folder), *options]
