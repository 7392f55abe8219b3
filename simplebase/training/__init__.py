"""Training."""

from simplebase.training.run import EpochMetrics
from simplebase.training.train import Observer, TrainingResult, train

__all__ = ["EpochMetrics", "Observer", "TrainingResult", "train"]
