"""What the values of a recipe may be, for those who only name them: the command line's help."""

from typing import Literal

LossType = Literal["mse", "mae", "weighted_mse", "smooth_l1", "huber", "ohkm", "adaptive_wing"]
OptimizerName = Literal["adam", "adamw", "rmsprop", "sgd"]
DecayType = Literal["none", "cosine", "exponential", "polynomial", "piecewise-constant", "step"]
OutsideKeypoints = Literal["ignored", "absent"]

DEFAULT_PRESET = "mobilenetv2_upsample_lite"
"""What is trained where nobody says what."""
