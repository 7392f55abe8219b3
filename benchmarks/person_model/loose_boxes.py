"""A part of a dataset with boxes that are too large, as whole frames of a camera are.

python benchmarks/person_model/loose_boxes.py DATASET COUNT OUTPUT

COUNT records are drawn from the train split. The size of each is multiplied by 1.3 to 2.2, evenly
in the logarithm, and its centre moves at random as far as the object stays inside.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from clean_labels import read, write

LEAST, MOST = 1.3, 2.2


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description="Enlarge boxes.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    records = [record for record in read(options.dataset) if not record["isValidation"]]
    drawn = rng.permutation(len(records))[: options.count]
    write([loosened(records[row], rng) for row in drawn], options.dataset, options.output)


def loosened(record: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The record with a larger box."""
    factor = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
    side = record["scale_provided"] * 200
    shift = rng.uniform(-1, 1, 2) * (factor - 1) * side / 2
    centre = np.array(record["objpos"]) + shift
    return record | {
        "objpos": [round(float(value), 2) for value in centre],
        "scale_provided": round(record["scale_provided"] * factor, 5),
    }


if __name__ == "__main__":
    main()
