"""Evaluates models and results files on labels; writes scores, files and pictures.

The names below import their modules when they are first used, because not every evaluation draws
pictures.
"""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "Comparison": "simplebase.evaluation.several",
    "DetectedBoxes": "simplebase.evaluation.boxes",
    "Detections": "simplebase.evaluation.detections",
    "Difference": "simplebase.evaluation.comparison",
    "Evaluation": "simplebase.evaluation.evaluation",
    "Figure": "simplebase.evaluation.scores",
    "MetricName": "simplebase.evaluation.measuring",
    "MetricSettings": "simplebase.evaluation.evaluation",
    "NORMALISED_METRICS": "simplebase.evaluation.measuring",
    "NormaliserName": "simplebase.evaluation.measuring",
    "PredictionSettings": "simplebase.evaluation.evaluation",
    "Scores": "simplebase.evaluation.scores",
    "Target": "simplebase.evaluation.target",
    "compare": "simplebase.evaluation.several",
    "comparison_config": "simplebase.evaluation.comparison",
    "dataset_target": "simplebase.evaluation.target",
    "difference": "simplebase.evaluation.comparison",
    "draw_predictions": "simplebase.evaluation.sheets",
    "evaluate_model": "simplebase.evaluation.evaluation",
    "evaluate_results": "simplebase.evaluation.evaluation",
    "mean_pck": "simplebase.evaluation.measuring",
    "mean_pose": "simplebase.evaluation.prediction",
    "predict_dataset": "simplebase.evaluation.prediction",
    "read_detected_boxes": "simplebase.evaluation.boxes",
    "require_answers": "simplebase.evaluation.prediction",
    "require_dataset": "simplebase.evaluation.target",
    "require_evaluation_output": "simplebase.evaluation.output",
    "suspect_labels": "simplebase.evaluation.suspects",
    "warn_of_other_normalisers": "simplebase.evaluation.comparison",
    "with_annotations": "simplebase.evaluation.annotations",
    "write_evaluation": "simplebase.evaluation.output",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.evaluation.annotations import with_annotations as with_annotations
    from simplebase.evaluation.boxes import DetectedBoxes as DetectedBoxes
    from simplebase.evaluation.boxes import read_detected_boxes as read_detected_boxes
    from simplebase.evaluation.comparison import Difference as Difference
    from simplebase.evaluation.comparison import comparison_config as comparison_config
    from simplebase.evaluation.comparison import difference as difference
    from simplebase.evaluation.comparison import (
        warn_of_other_normalisers as warn_of_other_normalisers,
    )
    from simplebase.evaluation.detections import Detections as Detections
    from simplebase.evaluation.evaluation import Evaluation as Evaluation
    from simplebase.evaluation.evaluation import MetricSettings as MetricSettings
    from simplebase.evaluation.evaluation import PredictionSettings as PredictionSettings
    from simplebase.evaluation.evaluation import evaluate_model as evaluate_model
    from simplebase.evaluation.evaluation import evaluate_results as evaluate_results
    from simplebase.evaluation.measuring import NORMALISED_METRICS as NORMALISED_METRICS
    from simplebase.evaluation.measuring import MetricName as MetricName
    from simplebase.evaluation.measuring import NormaliserName as NormaliserName
    from simplebase.evaluation.measuring import mean_pck as mean_pck
    from simplebase.evaluation.output import require_evaluation_output as require_evaluation_output
    from simplebase.evaluation.output import write_evaluation as write_evaluation
    from simplebase.evaluation.prediction import mean_pose as mean_pose
    from simplebase.evaluation.prediction import predict_dataset as predict_dataset
    from simplebase.evaluation.prediction import require_answers as require_answers
    from simplebase.evaluation.scores import Figure as Figure
    from simplebase.evaluation.scores import Scores as Scores
    from simplebase.evaluation.several import Comparison as Comparison
    from simplebase.evaluation.several import compare as compare
    from simplebase.evaluation.sheets import draw_predictions as draw_predictions
    from simplebase.evaluation.suspects import suspect_labels as suspect_labels
    from simplebase.evaluation.target import Target as Target
    from simplebase.evaluation.target import dataset_target as dataset_target
    from simplebase.evaluation.target import require_dataset as require_dataset

__getattr__ = lazy_names(__name__, _PUBLIC)
