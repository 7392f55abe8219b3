"""What a check finds."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from simplebase.data.dataset import KeypointDataset

Severity = Literal["error", "warning"]

KINDS: dict[str, Severity] = {
    # A training stops at these, or learns nothing from the record.
    "broken-record": "error",
    "missing-image": "error",
    "unreadable-image": "error",
    "damaged-image": "error",
    "damaged-shard": "error",
    "box-without-area": "error",
    "crop-misses-object": "error",
    # These may be meant.
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
"""Every kind of finding and how bad it is, in the order of a report."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or looks so.

    Args:
        kind: one of `KINDS`.
        message: what was found, in a sentence.
        record: index in the annotation file; `None` where it is about the dataset as a whole.
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
        """Plain values for JSON."""
        return {"severity": self.severity, **asdict(self)}


@dataclass(frozen=True)
class CheckReport:
    """All findings of a dataset, errors first, then by kind and record.

    Args:
        records: how many the annotation file has.
        images: how many files they name.
        findings: what was found.
        usable: the records without a broken field or image; `None` if there are none, or if the
            dataset is packed.
        rows: for each usable record its index in the annotation file.
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
        """The report with further findings, whose `record` is a row of `usable`."""
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
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return len(self.findings) - self.errors

    def by_kind(self) -> dict[str, list[Finding]]:
        """The findings of each kind that there are any of."""
        groups: dict[str, list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.kind, []).append(finding)
        return groups

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "records": self.records,
            "images": self.images,
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [finding.to_config() for finding in self.findings],
        }
