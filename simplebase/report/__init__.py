"""`simplebase report`: a training run on one page of HTML that needs nothing else."""

from simplebase.report.report import write_report

__all__ = ["write_report"]
