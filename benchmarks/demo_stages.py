"""What a frame of the demo costs, stage by stage, and how well the stages overlap.

python benchmarks/demo_stages.py MODEL VIDEO [--detector YOLOX.onnx] [--memory-frames 10000]

In turn: all stages in one thread, the median frame of each. Overlapped: `run_demo` as it is, the
time of a frame over that of the slowest stage in the same run. Both write a video. Memory: what the
process holds after a tenth, half and all of a long run over the same frames again and again.
"""

import argparse
import gc
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from simplebase.demo.frames import Source
from simplebase.demo.run import DemoProgress, run_demo
from simplebase.demo.settings import DemoSettings
from simplebase.demo.sinks import SourceInfo, open_sink
from simplebase.demo.sources import open_source
from simplebase.demo.stages import Stopwatch
from simplebase.runtimes import Runtime, load_runtime
from simplebase.videos.frame import Frame


def main() -> None:
    """Prints both tables, and memory if asked."""
    parser = argparse.ArgumentParser(description="Time the demo.")
    parser.add_argument("model")
    parser.add_argument("video")
    parser.add_argument("--detector", help="a YOLOX .onnx file")
    parser.add_argument("--threads", type=int, help="of the model, in turn only")
    parser.add_argument("--rounds", type=int, default=3, help="the fastest counts")
    parser.add_argument("--memory-frames", type=int, default=0)
    options = parser.parse_args()
    settings = DemoSettings(detector=options.detector)
    in_turn(options.model, options.video, settings, options.rounds, options.threads)
    overlapped(options.model, options.video, settings, options.rounds)
    if options.memory_frames:
        memory(options.model, options.video, settings, options.memory_frames)


class Counted:
    """A runtime whose processor time is counted: a busy machine does not change it."""

    def __init__(self, runtime: Runtime) -> None:
        self.metadata = runtime.metadata
        self.seconds = 0.0
        self._runtime = runtime

    def predict(self, images: np.ndarray) -> np.ndarray:
        """As the runtime does."""
        began = time.process_time()
        answer = self._runtime.predict(images)
        self.seconds += time.process_time() - began
        return answer


class Times(Stopwatch):
    """Keeps each measurement."""

    def __init__(self) -> None:
        super().__init__()
        self.all: dict[str, list[float]] = defaultdict(list)

    def add(self, part: str, taken: float) -> None:
        """Counts a run of `part`."""
        super().add(part, taken)
        self.all[part].append(taken)


def in_turn(
    model: str, video: str, settings: DemoSettings, rounds: int, threads: int | None
) -> None:
    """All stages in one thread."""
    counted = Counted(load_runtime(model, threads))
    best: dict[str, float] = {}
    least = np.inf
    for _ in range(rounds):
        watch, source = Times(), open_source(video)
        counted.seconds, began, frames = 0.0, time.process_time(), 0
        estimate = settings.estimator(counted, settings.finder(), is_sequence=True, stopwatch=watch)
        paint = settings.painter(watch)
        info = SourceInfo(video, model, counted.metadata.skeleton, source.fps or 30.0, True, 0.1)
        with tempfile.TemporaryDirectory() as folder:
            with open_sink(Path(folder) / "a.mp4", "video", info, overwrite=False) as write:
                while True:
                    with watch("read"):
                        frame = source.read()
                    if frame is None:
                        break
                    frames += 1
                    found = paint(estimate(frame))
                    with watch("write"):
                        write(found)
        used = time.process_time() - began - counted.seconds
        least = min(least, used / frames * 1e3)
        for part, taken in watch.all.items():
            # The mean over frames: a detector that runs in every fifth counts as a fifth.
            spent = float(np.median(taken)) if part != "boxes" else float(np.mean(taken))
            best[part] = min(best.get(part, np.inf), spent)
    print("in turn, ms a frame: " + ", ".join(f"{part} {ms:.2f}" for part, ms in best.items()))
    rest = sum(ms for part, ms in best.items() if part != "model")
    print(
        f"in turn, all but the model: {rest:.2f} ms ({least:.2f} ms of processor time, all threads "
        f"and the video's opening and closing); with it {rest + best['model']:.2f} ms"
    )


def overlapped(model: str, video: str, settings: DemoSettings, rounds: int) -> None:
    """The demo as it is."""
    stages = {
        "read": ("read",),
        "pose": ("boxes", "crop", "model", "decode", "smooth"),
        "draw": ("draw",),
        "write": ("write",),
    }
    results = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            progress = run_demo(model, video, [Path(folder) / "a.mp4"], settings=settings)
        wall = (progress.latest - progress.started) * 1e3 / (progress.frames - 1)
        totals = progress.stopwatch.totals()
        spent = {
            stage: sum(totals.get(part, 0) for part in parts) / progress.frames
            for stage, parts in stages.items()
        }
        results.append((wall, spent))
    wall, spent = min(results, key=lambda result: result[0])
    slowest = max(spent, key=lambda stage: spent[stage])
    print("overlapped, ms a frame: " + ", ".join(f"{s} {ms:.2f}" for s, ms in spent.items()))
    print(
        f"overlapped: {wall:.2f} ms a frame, {wall / spent[slowest]:.2f} x the slowest stage "
        f"({slowest}), {wall / sum(spent.values()):.2f} x all in turn"
    )


class Again:
    """A video over and over, up to a number of frames."""

    is_sequence = True
    is_live = False
    dropped = 0

    def __init__(self, video: str, frames: int) -> None:
        self.name = video
        self.count: int | None = frames
        self._video = video
        self._source: Source = open_source(video)
        self.fps = self._source.fps
        self._done = 0
        self._began = self._ends = 0.0

    def read(self) -> Frame | None:
        """The next frame, with a number and a time that go on."""
        if self._done == self.count:
            return None
        frame = self._source.read()
        if frame is None:
            self._source.close()
            self._source = open_source(self._video)
            self._began = self._ends
            frame = self._source.read()
        if frame is None:
            return None
        self._done += 1
        time = self._began + frame.time
        self._ends = time + (frame.duration or 1 / (self.fps or 30.0))
        return replace(frame, index=self._done, time=time)

    def close(self) -> None:
        """Closes the video."""
        self._source.close()


def memory(model: str, video: str, settings: DemoSettings, frames: int) -> None:
    """Resident memory on the way through many frames, written as video, JSON and CSV."""
    held: dict[int, float] = {}
    marks = {frames // 10, frames // 2, frames}

    def observe(progress: DemoProgress) -> None:
        if progress.frames in marks:
            gc.collect()
            held[progress.frames] = resident_megabytes()

    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("a.mp4", "a.json", "a.csv")]
        started = time.perf_counter()
        run_demo(model, Again(video, frames), outputs, settings=settings, observe=observe)
        taken = time.perf_counter() - started
    told = ", ".join(f"{megabytes:.1f} MB after {done}" for done, megabytes in held.items())
    print(f"memory: {told} frames ({taken / frames * 1e3:.1f} ms each)")


def resident_megabytes() -> float:
    """Of this process, by Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
