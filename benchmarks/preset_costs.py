"""Measures `params` and `gflops` of every built-in preset for 16 keypoints.

python benchmarks/preset_costs.py            prints the figures beside those in the YAMLs
python benchmarks/preset_costs.py --write    writes them into the YAMLs
"""

import argparse
import re
from pathlib import Path

import simplebase.presets
from simplebase.cost import count_gflops, count_params
from simplebase.estimator import SimpleBaseline

KEYPOINTS = 16


def main() -> None:
    """Prints one line a preset."""
    parser = argparse.ArgumentParser(description="Measure the cost of every preset.")
    parser.add_argument("--write", action="store_true", help="write the figures into the YAMLs")
    write = parser.parse_args().write
    for name in simplebase.presets.preset_names():
        preset = simplebase.presets.load_preset(name)
        model = SimpleBaseline.from_preset(preset, KEYPOINTS, backbone_weights="none")
        params = count_params(model)
        gflops = round(count_gflops(model, preset.input_size), 3)
        print(f"{name:32} {params:>10} {gflops:8.3f}   was {preset.params} {preset.gflops}")
        if write:
            path = Path(simplebase.presets.__path__[0]) / f"{name}.yaml"
            text = re.sub(r"(?m)^(params|gflops):.*\n", "", path.read_text())
            path.write_text(f"{text}params: {params}\ngflops: {gflops}\n")


if __name__ == "__main__":
    main()
