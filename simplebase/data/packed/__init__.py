"""Packed datasets: canvases as sharded TFRecords, for large sets and several workers.

```
OUT/
├── manifest.json        format, skeleton, crop, sizes; each shard's name, records, bytes, sha256
├── records.npz          the columns of all records, in the shards' order
├── train-00000.tfrecord tf.train.Example: image (JPEG), keypoints (K * 3, its pixels), index,
├── ...                  matrix (2 * 3, from the original image to this one)
└── val-00000.tfrecord
```

A folder that is still being packed has `packing.json` in the place of `manifest.json`. All paths
may be whatever `tf.io.gfile` opens, such as `gs://bucket/packed`.
"""

from simplebase.data.packed.reader import load_packed, open_packed
from simplebase.data.packed.writer import pack_dataset

__all__ = ["load_packed", "open_packed", "pack_dataset"]
