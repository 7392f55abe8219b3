"""Time and memory to open a packed dataset of a million people, of which only the table is there.

python benchmarks/open_packed.py [RECORDS]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import resource, sys, time
from pathlib import Path

import simplebase.data.packed.reader
from simplebase import load_dataset

def gib(text):
    return int(text) / 2**20

def resident():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return gib(status["VmRSS"].split()[0])

before = resident()
started = time.perf_counter()
dataset = load_dataset(sys.argv[1])
opened = time.perf_counter()
peak = gib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(f"open {len(dataset)} records: {opened - started:.2f} s")
print(f"resident before {before:.2f} GiB, after {resident():.2f} GiB, peak {peak:.2f} GiB")

started = time.perf_counter()
train, val = dataset.train, dataset.validation
order = train.images.shuffled(seed=0, epoch=1)
seconds = time.perf_counter() - started
peak = gib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(f"both splits and an epoch's order: {seconds:.2f} s, peak {peak:.2f} GiB")
"""

A_SHARD = 256


def write_packed(folder: Path, count: int) -> None:
    """Writes manifest and table of `count` records with 17 keypoints; a fiftieth is held out."""
    import numpy as np

    from simplebase import Crop, load_skeleton
    from simplebase.data.packed.manifest import Manifest, Shard, write_columns
    from simplebase.data.records import Records

    rng = np.random.default_rng(0)
    validation = np.arange(count) >= count - count // 50
    centers = rng.uniform(0, 640, (count, 2))
    records = Records(
        paths=np.array([f"train2017/{index // 3:012d}.jpg" for index in range(count)], object),
        centers=centers,
        scales=rng.uniform(0.2, 3, count),
        keypoints=np.concatenate(
            [rng.uniform(0, 640, (count, 17, 2)), rng.integers(0, 3, (count, 17, 1))], -1
        ),
        validation=validation,
        headboxes=np.full((count, 4), np.nan),
        boxes=rng.uniform(0, 640, (count, 4)),
        areas=rng.uniform(100, 90_000, count),
        image_ids=np.arange(count) // 3,
        annotation_ids=np.arange(count),
    )
    sizes = [
        (split, min(A_SHARD, total - start))
        for split, total in (("train", (~validation).sum()), ("val", validation.sum()))
        for start in range(0, int(total), A_SHARD)
    ]
    shards = tuple(
        Shard(f"{split}-{number:05d}.tfrecord", int(size), 20_000_000, f"{number:064x}")
        for number, (split, size) in enumerate(sizes)
    )
    manifest = Manifest(load_skeleton("coco"), Crop(), (256, 192), (320, 256), 95, shards)
    (folder / "manifest.json").write_text(manifest.to_json())
    matrices = Crop().canvas_matrix(records.centers, records.scales, (256, 192), (320, 256))
    write_columns(str(folder / "records.npz"), records, matrices)


def main() -> None:
    """Writes one to a temporary folder and opens it, each in a process of its own."""
    if len(sys.argv) == 3:
        return write_packed(Path(sys.argv[2]), int(sys.argv[1]))
    count = sys.argv[1] if len(sys.argv) > 1 else "1000000"
    with tempfile.TemporaryDirectory() as folder:
        # Linux counts the memory of the process that starts another as the other's peak.
        subprocess.run([sys.executable, __file__, count, folder], check=True)
        size = (Path(folder) / "records.npz").stat().st_size
        print(f"records.npz: {size / 2**30:.2f} GiB", flush=True)
        subprocess.run([sys.executable, "-c", PROGRAM, folder], check=True)


if __name__ == "__main__":
    main()
