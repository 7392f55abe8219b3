"""Training. TensorFlow is imported when one of the names is first used."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "PCK": "simplebase.training.pck",
    "EpochMetrics": "simplebase.training.runs.metrics",
    "Distribution": "simplebase.training.distribution",
    "KeypointBatches": "simplebase.training.keypoint_batches",
    "Observer": "simplebase.training.observer",
    "Plan": "simplebase.training.observer",
    "StepMetrics": "simplebase.training.observer",
    "TrainingModel": "simplebase.training.training_model",
    "TrainingOptions": "simplebase.training.options",
    "TrainingResult": "simplebase.training.result",
    "UnlabelledImages": "simplebase.training.unlabelled.images",
    "build_optimizer": "simplebase.training.optimizer",
    "build_schedule": "simplebase.training.optimizer",
    "distribute": "simplebase.training.distribution",
    "make_deterministic": "simplebase.training.precision",
    "resume": "simplebase.training.training",
    "train": "simplebase.training.training",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.training.distribution import Distribution as Distribution
    from simplebase.training.distribution import distribute as distribute
    from simplebase.training.keypoint_batches import KeypointBatches as KeypointBatches
    from simplebase.training.observer import Observer as Observer
    from simplebase.training.observer import Plan as Plan
    from simplebase.training.observer import StepMetrics as StepMetrics
    from simplebase.training.optimizer import build_optimizer as build_optimizer
    from simplebase.training.optimizer import build_schedule as build_schedule
    from simplebase.training.options import TrainingOptions as TrainingOptions
    from simplebase.training.pck import PCK as PCK
    from simplebase.training.precision import make_deterministic as make_deterministic
    from simplebase.training.result import TrainingResult as TrainingResult
    from simplebase.training.runs.metrics import EpochMetrics as EpochMetrics
    from simplebase.training.training import resume as resume
    from simplebase.training.training import train as train
    from simplebase.training.training_model import TrainingModel as TrainingModel
    from simplebase.training.unlabelled.images import UnlabelledImages as UnlabelledImages


__getattr__ = lazy_names(__name__, _PUBLIC)
