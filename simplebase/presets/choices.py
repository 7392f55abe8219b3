"""The allowed values of a recipe, apart from its schema, so that the command line loads quickly."""

from typing import Literal

LossType = Literal["mse", "mae", "weighted_mse", "smooth_l1", "huber", "ohkm", "adaptive_wing"]
OptimizerName = Literal["adam", "adamw", "rmsprop", "sgd"]
DecayType = Literal["none", "cosine", "exponential", "polynomial", "piecewise-constant", "step"]
OutsideKeypoints = Literal["ignored", "absent"]

DEFAULT_PRESET = "mobilenetv2_upsample_lite"
"""The preset that is trained by default."""
