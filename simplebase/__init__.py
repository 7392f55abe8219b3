"""simplebase: train, measure and ship your own 2D keypoint model.

The names below load what they need when they are first used, so `import simplebase` is quick and
does not import TensorFlow.
"""

import os
from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names
from simplebase.registration import register_with_keras
from simplebase.version import __version__ as __version__

# ONNX Runtime 1.32 looks up a telemetry host and leaves files: a device id in the cache folder
# and `.ses` in TMPDIR. It reads this while it is imported, by us or by tf2onnx; no call after that
# stops it. It is set here because every module of ours imports this one first, and subprocesses
# inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_PUBLIC = {
    "Crop": "simplebase.geometry",
    "DepthRange": "simplebase.images",
    "HeatmapCodec": "simplebase.codec",
    "HeatmapLoss": "simplebase.losses",
    "KeypointDataset": "simplebase.data.dataset",
    "ModelMetadata": "simplebase.metadata",
    "PCK": "simplebase.training",
    "Pose": "simplebase.pose",
    "PoseEstimator": "simplebase.inference",
    "PosePredictor": "simplebase.prediction",
    "SimpleBaseline": "simplebase.estimator",
    "SimplebaseError": "simplebase.errors",
    "Skeleton": "simplebase.skeletons",
    "TrainingModel": "simplebase.training",
    "TrainingOptions": "simplebase.training",
    "draw": "simplebase.demo",
    "load": "simplebase.inference",
    "load_dataset": "simplebase.data.loading",
    "load_model": "simplebase.estimator",
    "load_preset": "simplebase.presets",
    "load_recipe": "simplebase.presets",
    "load_skeleton": "simplebase.skeletons",
    "predict": "simplebase.prediction",
    "preset_names": "simplebase.presets",
    "read_image": "simplebase.images",
    "resume": "simplebase.training",
    "synthesize": "simplebase.data.synthetic",
    "train": "simplebase.training",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.codec import HeatmapCodec as HeatmapCodec
    from simplebase.data.dataset import KeypointDataset as KeypointDataset
    from simplebase.data.loading import load_dataset as load_dataset
    from simplebase.data.synthetic import synthesize as synthesize
    from simplebase.demo import draw as draw
    from simplebase.errors import SimplebaseError as SimplebaseError
    from simplebase.estimator import SimpleBaseline as SimpleBaseline
    from simplebase.estimator import load_model as load_model
    from simplebase.geometry import Crop as Crop
    from simplebase.images import DepthRange as DepthRange
    from simplebase.images import read_image as read_image
    from simplebase.inference import PoseEstimator as PoseEstimator
    from simplebase.inference import load as load
    from simplebase.losses import HeatmapLoss as HeatmapLoss
    from simplebase.metadata import ModelMetadata as ModelMetadata
    from simplebase.pose import Pose as Pose
    from simplebase.prediction import PosePredictor as PosePredictor
    from simplebase.prediction import predict as predict
    from simplebase.presets import load_preset as load_preset
    from simplebase.presets import load_recipe as load_recipe
    from simplebase.presets import preset_names as preset_names
    from simplebase.skeletons import Skeleton as Skeleton
    from simplebase.skeletons import load_skeleton as load_skeleton
    from simplebase.training import PCK as PCK
    from simplebase.training import TrainingModel as TrainingModel
    from simplebase.training import TrainingOptions as TrainingOptions
    from simplebase.training import resume as resume
    from simplebase.training import train as train


__getattr__ = lazy_names(__name__, _PUBLIC)

register_with_keras()


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
