"""Heads, one a file; `HEADS` maps a preset's name to its class."""

import keras

from simplebase.heads.upsample_lite import UpsampleLiteHead

HEADS: dict[str, type[keras.Model]] = {
    "upsample_lite": UpsampleLiteHead,
}

__all__ = ["HEADS", "UpsampleLiteHead"]
