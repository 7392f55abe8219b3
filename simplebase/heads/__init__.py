"""Heads. `HEADS` maps a preset's name to its class."""

from simplebase.heads.deconv import DeconvHead
from simplebase.heads.head import PREDICTION_LAYER, Head
from simplebase.heads.upsample import UpsampleHead, UpsampleLiteHead

HEADS: dict[str, type[Head]] = {
    "deconv": DeconvHead,
    "upsample": UpsampleHead,
    "upsample_lite": UpsampleLiteHead,
}

__all__ = ["HEADS", "PREDICTION_LAYER", "DeconvHead", "Head", "UpsampleHead", "UpsampleLiteHead"]
