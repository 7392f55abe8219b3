"""Writes `keys.json.gz`: names and shapes of every tensor of the backbones that are read.

python tests/converters/weights/miniatures/make_keys.py     (torch is needed, here only)
"""

import gzip
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from torch_backbones import BACKBONES  # noqa: E402


def main() -> None:
    """One entry a backbone."""
    keys = {
        name: {key: list(tensor.shape) for key, tensor in make().state_dict().items()}
        for name, (_, make) in BACKBONES.items()
    }
    content = json.dumps(keys, separators=(",", ":")).encode()
    (HERE / "keys.json.gz").write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    main()
