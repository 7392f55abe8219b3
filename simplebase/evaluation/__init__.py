"""Evaluation: a model or a results file, and labels, to scores, files and pictures."""

from simplebase.evaluation.annotations import with_annotations
from simplebase.evaluation.boxes import DetectedBoxes, read_detected_boxes
from simplebase.evaluation.comparison import (
    Difference,
    comparison_config,
    difference,
    warn_of_other_normalisers,
)
from simplebase.evaluation.detections import Detections
from simplebase.evaluation.evaluation import (
    Evaluation,
    MetricSettings,
    PredictionSettings,
    evaluate_model,
    evaluate_results,
)
from simplebase.evaluation.measuring import (
    NORMALISED_METRICS,
    MetricName,
    NormaliserName,
    mean_pck,
)
from simplebase.evaluation.output import require_evaluation_output, write_evaluation
from simplebase.evaluation.prediction import mean_pose, predict_dataset, require_answers
from simplebase.evaluation.scores import Figure, Scores
from simplebase.evaluation.several import Comparison, compare
from simplebase.evaluation.sheets import draw_predictions
from simplebase.evaluation.target import (
    Target,
    dataset_target,
    require_dataset,
)

__all__ = [
    "NORMALISED_METRICS",
    "DetectedBoxes",
    "Comparison",
    "Detections",
    "Difference",
    "Evaluation",
    "Figure",
    "MetricName",
    "MetricSettings",
    "NormaliserName",
    "PredictionSettings",
    "Scores",
    "Target",
    "compare",
    "comparison_config",
    "dataset_target",
    "difference",
    "draw_predictions",
    "evaluate_model",
    "evaluate_results",
    "mean_pck",
    "mean_pose",
    "predict_dataset",
    "read_detected_boxes",
    "require_answers",
    "require_dataset",
    "require_evaluation_output",
    "warn_of_other_normalisers",
    "with_annotations",
    "write_evaluation",
]
