"""Time to read and check an annotation file, against the bare `json.load` of the same file.

python benchmarks/load_records.py ../shared/data/mpii/annotations_all_25204.json.gz mpii
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from simplebase.data.records import read_records
from simplebase.skeletons import load_skeleton


def seconds(job: Callable[[], object]) -> float:
    """The fastest of three runs: what others do on the machine only ever adds."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Prints both times and their ratio."""
    path, skeleton = Path(sys.argv[1]), load_skeleton(sys.argv[2])

    def bare() -> object:
        with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
            return json.load(file)

    ours = seconds(lambda: read_records(path, skeleton.num_keypoints, skeleton.name))
    theirs = seconds(bare)
    count = len(read_records(path, skeleton.num_keypoints, skeleton.name))
    print(f"{count} records: json.load {theirs:.2f} s, read_records {ours:.2f} s")
    print(f"ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
