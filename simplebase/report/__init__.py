"""Writes self-contained HTML pages for a training run, a checked dataset and exported files."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "write_check_report": "simplebase.report.dataset_page",
    "write_export_report": "simplebase.report.export_page",
    "write_report": "simplebase.report.run_page",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.report.dataset_page import write_check_report as write_check_report
    from simplebase.report.export_page import write_export_report as write_export_report
    from simplebase.report.run_page import write_report as write_report

__getattr__ = lazy_names(__name__, _PUBLIC)
