"""How close `predict` comes to the model alone, what Ray costs, and the memory of long lists.

python benchmarks/predictions.py MODEL IMAGES [--count 2000] [--rounds 5] [--ray] [--memory 20000]

Bare: crops in memory to keypoints, in batches, a model of one thread per core. Local and Ray: the
same images from files to rows, `predict` as it is; Ray with two actors. All take turns, so that
other load on the machine meets all of them. Two figures each: images per second, and milliseconds
of a core per image, those of all processes together, which depend less on what else the machine
does. Both are of the second half of the images, so without the start: the cost of all, less that of
a run over the first half.

Memory: what the process holds (VmRSS) on its way through a list that names the same images again
and again, and the peak (VmHWM) of a process that lists a million paths.
"""

import argparse
import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import simplebase
from simplebase.images import IMAGE_SUFFIXES
from simplebase.prediction import ClusterOptions, PredictionSettings, write_predictions
from simplebase.prediction.crops import CropReader
from simplebase.prediction.inputs import Inputs
from simplebase.runtimes import load_runtime
from simplebase.threads import usable_cores

BATCH = 32
_CHECKPOINTS = 8
_LISTED = 1_000_000


def main() -> None:
    """Prints the table, and memory if asked."""
    parser = argparse.ArgumentParser(description="Time predict.")
    parser.add_argument("model")
    parser.add_argument("images", help="a folder")
    parser.add_argument("--count", type=int, default=2000, help="images, by repeating the folder's")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--ray", action="store_true", help="Ray too")
    parser.add_argument("--memory", type=int, default=0, help="images of the long list")
    options = parser.parse_args()
    folder = Path(options.images)
    paths = sorted(str(path) for path in folder.rglob("*") if path.suffix in IMAGE_SUFFIXES)
    if options.rounds:
        throughput(options.model, repeated(paths, options.count), options.rounds, options.ray)
    if options.memory:
        memory(options.model, repeated(paths, options.memory))


def repeated(paths: Sequence[str], count: int) -> list[str]:
    """`count` paths, the same again and again."""
    return list(itertools.islice(itertools.cycle(paths), count))


@dataclass
class Cost:
    """Of an image.

    Args:
        wall: seconds.
        processor: seconds of a core, of all processes.
    """

    wall: float
    processor: float


def processor_seconds() -> float:
    """Of this process and all that it has started, as far as they still run; from `/proc`."""
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(file.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(ticks[pid] for pid in ours) / os.sysconf("SC_CLK_TCK")


def cost(way: Callable[[int], Iterator[int]], images: int) -> Cost:
    """Of each image behind the first ones: of twice as many, without what half of them take.

    Args:
        way: predicts so many images, in batches.
        images: half of them.
    """
    seconds = []
    for count in (images, 2 * images):
        wall, processor = time.perf_counter(), processor_seconds()
        assert sum(way(count)) == count
        seconds.append((time.perf_counter() - wall, processor_seconds() - processor))
    (wall, processor), (wall_twice, processor_twice) = seconds
    return Cost((wall_twice - wall) / images, (processor_twice - processor) / images)


def bare(model: str, crops: np.ndarray, matrices: np.ndarray) -> Iterator[int]:
    """Crops to keypoints on all cores."""
    settings = PredictionSettings()
    free = [
        simplebase.PoseEstimator(load_runtime(model, 1), settings.decode)
        for _ in range(usable_cores())
    ]

    def work(start: int) -> int:
        estimator = free.pop()
        keypoints = estimator.keypoints(
            crops[start : start + BATCH], matrices[start : start + BATCH]
        )
        free.append(estimator)
        return len(keypoints)

    with ThreadPoolExecutor(usable_cores()) as pool:
        yield from pool.map(work, range(0, len(crops), BATCH))


def predicted(model: str, paths: Sequence[str], **options: Any) -> Iterator[int]:
    """Files to rows."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "list.txt")
        source.write_text("\n".join(paths))
        for batch in simplebase.predict(source, model, batch_size=BATCH, **options):
            yield len(batch["path"])


def throughput(model: str, paths: Sequence[str], rounds: int, ray: bool) -> None:
    """Prints images per second and milliseconds of a core, and their ratios."""
    inputs = Inputs("images", list(paths), "")
    reader = CropReader(load_runtime(model, 1).metadata, PredictionSettings())
    (part,) = inputs.parts(len(paths))
    (chunk,) = inputs.chunks(part, len(paths))
    cut = reader(chunk)
    two_actors = ClusterOptions(concurrency=2)
    ways: dict[str, Callable[[int], Iterator[int]]] = {
        "bare": lambda count: bare(model, cut.images[:count], cut.matrices[:count]),
        "local": lambda count: predicted(model, paths[:count]),
        "ray": lambda count: predicted(model, paths[:count], engine="ray", cluster=two_actors),
    }
    if ray:
        import ray as cluster

        cluster.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40)
    else:
        del ways["ray"]
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            costs[name].append(cost(way, len(paths) // 2))
    print(f"{len(paths)} images, {rounds} rounds, {usable_cores()} cores")
    print(f"{'':8}{'images/s':>10}{'core ms':>10}{'of bare':>18}")
    for name in ways:
        wall = median(each.wall for each in costs[name])
        processor = median(each.processor for each in costs[name])
        # Round by round: what else the machine does changes meanwhile.
        pairs = list(zip(costs["bare"], costs[name], strict=True))
        by_wall = median(base.wall / own.wall for base, own in pairs)
        by_processor = median(base.processor / own.processor for base, own in pairs)
        ratios = f"{by_wall:.2f} ({by_processor:.2f})"
        print(f"{name:8}{1 / wall:10.0f}{processor * 1e3:10.2f}{ratios:>18}")
    print("of bare: by images per second, and in brackets by core ms")


def memory(model: str, paths: Sequence[str]) -> None:
    """Prints what a process holds on its way through a long list, and what listing takes."""
    context = multiprocessing.get_context("spawn")
    for work, *arguments in ((_walk, model, paths), (_list, model, paths[0])):
        process = context.Process(target=work, args=arguments)
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{work.__name__} failed")


def _walk(model: str, paths: Sequence[str]) -> None:
    step = len(paths) // _CHECKPOINTS
    reached = 1000

    def look(done: int, total: int) -> None:
        nonlocal reached
        if done >= reached:
            print(f"{done:8} images: {_status('VmRSS'):4.0f} MB", flush=True)
            reached += step

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "list.txt")
        source.write_text("\n".join(paths))
        write_predictions(source, model, Path(folder, "out"), progress=look)


def _list(model: str, path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "list.txt")
        stem, suffix = path.rsplit(".", 1)
        source.write_text("\n".join(f"{stem}_{number:07d}.{suffix}" for number in range(_LISTED)))
        before, began = _status("VmHWM"), time.perf_counter()
        metadata = load_runtime(model, 1).metadata
        from simplebase.prediction.sources import find_inputs

        inputs = find_inputs(
            [source],
            crop=metadata.crop,
            input_size=metadata.input_size,
            skeleton=metadata.skeleton,
        )
        parts = inputs.parts()
        seconds = time.perf_counter() - began
        print(
            f"{len(inputs)} paths in {len(parts)} parts, {inputs.sha256[:8]}: {seconds:.1f} s, "
            f"peak {_status('VmHWM'):.0f} MB, of them {before:.0f} MB before"
        )


def _status(name: str) -> float:
    """A figure of `/proc/self/status`, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1000
    raise LookupError(name)


if __name__ == "__main__":
    main()
