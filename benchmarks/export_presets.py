"""Every preset through the exports, with their parity: is there one that 8 bit breaks?

python benchmarks/export_presets.py [--output DIR] [--size 96] [PRESET...]

Learns 64 drawn figures by heart with each preset, until its PCK@0.5 on them is above 0.5: a model
of random weights says the same of everything, so it would pass any comparison. Then exports it,
calibrated on 200 other figures and compared on those 64, and prints what `simplebase export` found.
Models and reports lie in --output and are not made again. The exit code is 1 if a file was
rejected.
"""

import argparse
import json
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from simplebase import KeypointDataset, SimpleBaseline, load_dataset, preset_names, synthesize
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ParityError, SimplebaseWarning
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.export import Exporter, ExportSettings, parity_file
from simplebase.export.export_settings import FORMATS as ALL_FORMATS
from simplebase.export.places import rejected_file
from simplebase.geometry import Size, transform_points
from simplebase.runtimes.keras import KerasRuntime

FIGURES, OTHERS, BATCH = 64, 200, 16
ROUNDS, EPOCHS = 8, 20  # at most so many rounds, a look at the PCK after each
ENOUGH = 0.6
FORMATS = (
    ExportSettings("litert"),
    ExportSettings("litert", "int8"),
    ExportSettings("onnx"),
    ExportSettings("mnn"),
)


def main() -> None:
    """Trains and exports what is missing, and prints a row a preset."""
    parser = argparse.ArgumentParser(description="Export every preset.")
    parser.add_argument("presets", nargs="*", help="by default all")
    parser.add_argument("--output", type=Path, default=Path("runs/export_presets"))
    parser.add_argument("--size", type=int, default=96, help="side of the input in pixels")
    options = parser.parse_args()
    # That 64 figures are few to compare on: they are all that is known of these models.
    warnings.simplefilter("ignore", SimplebaseWarning)
    folder = options.output / "figures"
    if not folder.exists():
        synthesize(folder, count=FIGURES + OTHERS)
    dataset = learnt_for_validation(load_dataset(folder))
    rejected = 0
    for preset in options.presets or preset_names():
        model = options.output / f"{preset}.keras"
        if not model.exists():
            learn(preset, dataset.validation, (options.size, options.size), model)
    print("| preset | PCK@0.5 |" + "".join(f" {settings.title} |" for settings in FORMATS))
    print("|---|---|" + "---|" * len(FORMATS))
    for preset in options.presets or preset_names():
        parities = export(options.output / f"{preset}.keras", dataset)
        cells = [
            f"{parity['file_pck']:.3f}, {parity['distance_median']:.3f} px"
            + ("" if parity["passed"] else " **rejected**")
            for parity in parities
        ]
        print(f"| {preset} | {parities[0]['model_pck']:.3f} | {' | '.join(cells)} |", flush=True)
        rejected += sum(not parity["passed"] for parity in parities)
    if rejected:
        raise SystemExit(f"{rejected} files were rejected")


def learnt_for_validation(dataset: KeypointDataset) -> KeypointDataset:
    """The figures that are learnt as the val split, on which files are compared."""
    records = replace(dataset.records, validation=np.arange(len(dataset)) < FIGURES)
    return replace(dataset, records=records)


def learn(preset: str, split: KeypointDataset, size: Size, path: Path) -> None:
    """Trains until the PCK is high enough, and saves the model."""
    model = SimpleBaseline.from_preset(
        preset, skeleton=split.skeleton, input_size=size, backbone_weights="none"
    )
    codec = model.metadata.codec
    source = BatchSource(split, model.metadata.crop, size, FIGURES)
    [batch] = source.batches()
    points = split.records.keypoints.copy()
    points[..., :2] = transform_points(batch["matrices"], points[..., :2])
    heatmaps, _ = codec.encode(points.astype(np.float32))
    model.compile(optimizer="adam", loss="mse", loss_weights=100.0, jit_compile=False)
    for _ in range(ROUNDS):
        model.fit(batch["images"], heatmaps, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        pck = mean_pck(predict_dataset(KerasRuntime(model), split), split, size)
        print(f"{preset}: PCK@0.5 {pck:.3f}", flush=True)
        if pck is not None and pck >= ENOUGH:
            model.save(path)
            return
    raise SystemExit(f"{preset} does not learn the figures")


def export(path: Path, dataset: KeypointDataset) -> list[dict[str, Any]]:
    """What the comparison of each of `FORMATS` with the model at `path` found."""
    exporter = Exporter(path, dataset)
    found = []
    for settings in FORMATS:
        suffix = ALL_FORMATS[settings.format].suffix
        target = path.with_name(f"{path.stem}_{settings.quantization}{suffix}")
        reports = parity_file(target), parity_file(rejected_file(target))
        if not any(report.exists() for report in reports):
            with suppress(ParityError):
                exporter.export(target, settings)
        [report] = [report for report in reports if report.exists()]
        found.append(json.loads(report.read_text()))
    return found


if __name__ == "__main__":
    main()
