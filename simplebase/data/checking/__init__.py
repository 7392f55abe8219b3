"""Finds errors in a dataset before training."""

from simplebase.data.checking.check import check_dataset
from simplebase.data.checking.findings import KINDS, CheckReport, Finding, next_command

__all__ = ["KINDS", "CheckReport", "Finding", "check_dataset", "next_command"]
