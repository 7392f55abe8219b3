"""Finds errors in a dataset before training."""

from simplebase.data.checking.check import check_dataset
from simplebase.data.checking.findings import KINDS, CheckReport, Finding

__all__ = ["KINDS", "CheckReport", "Finding", "check_dataset"]
