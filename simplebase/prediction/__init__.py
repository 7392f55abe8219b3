"""Keypoints of a hundred images or of a million: `simplebase predict`.

`sources.py` lists the inputs, `crops.py` reads images and cuts objects out, and `rows.py` runs the
model on these crops. An engine (`local.py`, `cluster.py`) runs both stages in parallel. `folder.py`
writes the finished parts.
"""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "ClusterOptions": "simplebase.ray_cluster",
    "PosePredictor": "simplebase.prediction.predictor",
    "PredictionSettings": "simplebase.prediction.settings",
    "PredictionSummary": "simplebase.prediction.prediction",
    "predict": "simplebase.prediction.prediction",
    "write_predictions": "simplebase.prediction.prediction",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.prediction.prediction import PredictionSummary as PredictionSummary
    from simplebase.prediction.prediction import predict as predict
    from simplebase.prediction.prediction import write_predictions as write_predictions
    from simplebase.prediction.predictor import PosePredictor as PosePredictor
    from simplebase.prediction.settings import PredictionSettings as PredictionSettings
    from simplebase.ray_cluster import ClusterOptions as ClusterOptions

__getattr__ = lazy_names(__name__, _PUBLIC)
