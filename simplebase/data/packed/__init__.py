"""Packed datasets: canvases as sharded TFRecords, for large sets and several workers.

```
OUT/
├── manifest.json        format, skeleton, crop, sizes; each shard's name, records, bytes, sha256
├── records.npz          the columns of all records, in the shards' order
├── train-00000.tfrecord tf.train.Example: image (JPEG), keypoints (K * 3, its pixels), index,
├── ...                  matrix (2 * 3, from the original image to this one)
└── val-00000.tfrecord
```

A folder that is still being packed has `packing.json` instead of `manifest.json`. Paths may be
anything that `tf.io.gfile` can open, such as `gs://bucket/packed`.

The names below import their modules when they are first used: reading does not import the writer,
and `is_packed` does not import TensorFlow.
"""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "is_packed": "simplebase.data.packed.location",
    "load_packed": "simplebase.data.packed.reader",
    "open_packed": "simplebase.data.packed.reader",
    "pack_dataset": "simplebase.data.packed.writer",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.data.packed.location import is_packed as is_packed
    from simplebase.data.packed.reader import load_packed as load_packed
    from simplebase.data.packed.reader import open_packed as open_packed
    from simplebase.data.packed.writer import pack_dataset as pack_dataset

__getattr__ = lazy_names(__name__, _PUBLIC)
