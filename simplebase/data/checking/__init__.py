"""Looking for what is wrong with a dataset before a training finds out."""

from simplebase.data.checking.check import check_dataset
from simplebase.data.checking.findings import KINDS, Finding, Report

__all__ = ["KINDS", "Finding", "Report", "check_dataset"]
