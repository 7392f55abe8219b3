"""Shows a dataset: a sheet of samples as in training, and charts of its labels."""

from simplebase.data.viewing.samples import Sample, augmented_samples, choose_records, cut_samples
from simplebase.data.viewing.sheet import draw_sheet
from simplebase.data.viewing.statistics import draw_statistics, plot_statistics
from simplebase.data.viewing.view import draw_samples

__all__ = [
    "Sample",
    "augmented_samples",
    "choose_records",
    "cut_samples",
    "draw_samples",
    "draw_sheet",
    "draw_statistics",
    "plot_statistics",
]
