"""What a check finds."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

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
    """

    records: int
    images: int
    findings: tuple[Finding, ...]

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
