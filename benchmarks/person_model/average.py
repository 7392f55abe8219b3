"""Averages the weights of models that were trained from one another.

python benchmarks/person_model/average.py MODEL... OUTPUT

A model and one that was fine-tuned from it are close enough for the mean of their weights to be a
model too, which is often better on other data than both (Wortsman et al., CVPR 2022,
arXiv 2109.01903).
"""

import argparse
from pathlib import Path

import numpy as np

from simplebase.estimator import load_model


def main() -> None:
    """Writes the average, with the metadata of the first model."""
    parser = argparse.ArgumentParser(description="Average the weights of models.")
    parser.add_argument("models", nargs="+", type=Path, help=".keras files of one network")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    models = [load_model(path) for path in options.models]
    weights = zip(*(model.get_weights() for model in models), strict=True)
    models[0].set_weights([np.mean(values, axis=0) for values in weights])
    models[0].save(options.output)


if __name__ == "__main__":
    main()
