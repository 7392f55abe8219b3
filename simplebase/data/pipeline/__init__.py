"""The input pipeline, from records to batches of canvases."""

from simplebase.data.pipeline.batches import Batch, BatchSource
from simplebase.data.pipeline.cache import CacheMode

__all__ = ["Batch", "BatchSource", "CacheMode"]
