"""Puts a trained model into the package as `person-mini`: the int8 file, the weights, their hashes.

python benchmarks/person_model_pack.py model.keras DATASET --min-score 0.25

DATASET has images to calibrate int8 on, and others that both files are compared on; see
`simplebase export`. What is written, and where:

- `simplebase/zoo/embedded/person-mini/`: the four files that `simplebase.zoo.embedded` describes;
- `docs/person_model.md`: the table between the lines `<!-- files -->` and `<!-- end of files -->`.

Nothing is changed if the int8 file does not pass the comparison or the files take more than 6 MB.
"""

import argparse
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.export import Exporter, ExportSettings
from simplebase.export.parity import DEFAULT_TOLERANCE, Reference
from simplebase.export.samples import divide, read_samples
from simplebase.files import file_sha256, write_text
from simplebase.runtimes.keras import KerasRuntime
from simplebase.skeletons import load_skeleton
from simplebase.zoo.embedded import PERSON, folder_of
from simplebase.zoo.embedded.compact import LEVELS, read_compact, write_compact

MOST_BYTES = 6_000_000
# A model that needs fewer is too large for the package.
_FEWEST_LEVELS = 90
SKELETON = "lsp"
CARD = Path(__file__).parents[1] / "docs" / "person_model.md"
_TABLE = re.compile(r"(<!-- files -->\n).*(<!-- end of files -->)", re.DOTALL)


def main() -> None:
    """Packs the model and prints what came of it."""
    parser = argparse.ArgumentParser(description="Put a model into the package.")
    parser.add_argument("model", type=Path, help="a run's best.keras")
    parser.add_argument("dataset", type=Path, help="folder of images to calibrate on")
    parser.add_argument("--min-score", type=float, help="what the model's metadata recommend")
    parser.add_argument("--images", type=int, default=200, help="to calibrate on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        model = _as_shipped(load_model(given.model), given.min_score)
        source = work / "model.keras"
        model.save(source)
        runnable, weights = work / f"{PERSON}.tflite", work / f"{PERSON}.npz"
        dataset = load_dataset(given.dataset)
        exporter = Exporter(source, dataset, images=given.images)
        parity = exporter.export(runnable, ExportSettings("litert", "int8"))
        total = _write_weights(model, weights, runnable.stat().st_size)
        _, check = divide(dataset, given.images, seed=0)
        print(f"int8 against the model: {parity.to_config()}")
        _require_alike(model, read_compact(weights), check)
        facts = _facts(model, weights, runnable)
        (work / f"{PERSON}.yaml").write_text(
            "# Written by benchmarks/person_model_pack.py.\n"
            + yaml.safe_dump(facts, sort_keys=False, default_flow_style=None),
            encoding="utf-8",
        )
        folder = folder_of(PERSON)
        folder.mkdir(exist_ok=True)
        for name in ("tflite", "tflite.json", "npz", "yaml"):
            shutil.copyfile(work / f"{PERSON}.{name}", folder / f"{PERSON}.{name}")
    _write_table(facts)
    for file in (facts["runnable"], facts["weights"]):
        print(f"{file['name']}: {file['bytes']} bytes, SHA-256 {file['sha256']}")
    print(f"together {total} of {MOST_BYTES} bytes")


def _write_weights(model: SimpleBaseline, path: Path, other_bytes: int) -> int:
    """Writes the weights as exactly as both files fit; returns the bytes of both."""
    for levels in range(LEVELS, _FEWEST_LEVELS, -1):
        write_compact(model, path, levels=levels, overwrite=True)
        total = path.stat().st_size + other_bytes
        if total <= MOST_BYTES:
            print(f"weights in {levels} levels on each side of 0")
            return total
    raise SystemExit(f"the files take {total} bytes, more than {MOST_BYTES}: nothing was written.")


def _as_shipped(model: SimpleBaseline, min_score: float | None) -> SimpleBaseline:
    """With the built-in skeleton of the same keypoints, and the recommended score."""
    skeleton = load_skeleton(SKELETON)
    own = model.metadata.skeleton
    if own.keypoints != skeleton.keypoints:
        raise SystemExit(f"the model has the keypoints {own.keypoints}, not those of {SKELETON}.")
    model.trainable = True  # what the training froze is not for those who go on from it
    model.metadata = replace(model.metadata, skeleton=skeleton, min_score=min_score)
    return model


def _facts(model: SimpleBaseline, weights: Path, runnable: Path) -> dict[str, Any]:
    """What the table of models has to know, see `simplebase.zoo.table`."""
    metadata = model.metadata
    return {
        "preset": metadata.preset,
        "input_size": list(metadata.input_size),
        "normalisation": model.normalisation,
        "padding": metadata.crop.padding,
        "center_shift": metadata.crop.center_shift,
        "sigma": metadata.codec.sigma,
        "alignment": metadata.codec.alignment,
        "blur_kernel": metadata.codec.blur_kernel,
        "skeleton": metadata.skeleton.name,
        "keypoints": metadata.skeleton.num_keypoints,
        **{
            what: {
                "name": path.name,
                "bytes": path.stat().st_size,
                "sha256": file_sha256(path),
            }
            for what, path in (("weights", weights), ("runnable", runnable))
        },
    }


def _require_alike(model: SimpleBaseline, rebuilt: SimpleBaseline, check: KeypointDataset) -> None:
    """Holds the model that is made of the compact weights to the limit of any int8 file."""
    samples = read_samples(check, model.metadata)
    before, after = (Reference.of(KerasRuntime(each), samples) for each in (model, rebuilt))
    scores = [before.pck(each.keypoints) or 0.0 for each in (before, after)]
    apart = np.linalg.norm(after.keypoints[..., :2] - before.keypoints[..., :2], axis=-1)
    print(
        f"weights against the model: PCK@0.5 {scores[1]:.4f} ({scores[0]:.4f}) on {len(samples)} "
        f"images, keypoints apart by {np.median(apart):.2f} px in the median, heatmaps by "
        f"{np.abs(after.heatmaps - before.heatmaps).mean():.5f} on average"
    )
    if scores[0] - scores[1] > DEFAULT_TOLERANCE:
        raise SystemExit("the compact weights find too little: nothing was written.")


def _write_table(facts: dict[str, Any]) -> None:
    lines = ["| file | bytes | SHA-256 |", "|---|---|---|"]
    lines += [
        f"| `{file['name']}` | {file['bytes']:,} | `{file['sha256']}` |"
        for file in (facts["runnable"], facts["weights"])
    ]
    text = CARD.read_text(encoding="utf-8")
    table = "\n".join(lines)
    changed, count = _TABLE.subn(rf"\g<1>\n{table}\n\n\g<2>", text)
    if count != 1:
        raise SystemExit(f"{CARD} has no place for the table of files.")
    write_text(CARD, changed, overwrite=True)


if __name__ == "__main__":
    main()
