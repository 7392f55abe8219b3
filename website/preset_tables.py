"""Tables of the presets, made from their YAML files."""

from collections.abc import Iterator
from itertools import groupby

from simplebase.presets import load_preset, preset_names


def preset_tables() -> str:
    """Markdown with a table of the presets of each backbone."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    presets = [load_preset(name) for name in preset_names()]
    for backbone, members in groupby(presets, key=lambda preset: preset.backbone.name):
        yield from (f"## {backbone}", "")
        yield "| preset | input | million parameters | GFLOPs | |"
        yield "|---|---|---|---|---|"
        for preset in members:
            height, width = preset.input_size
            # Tests require both of every built-in preset.
            millions, gflops = (preset.params or 0) / 1e6, preset.gflops or 0
            yield (
                f"| `{preset.name}` | {height}x{width} | {millions:.2f} | {gflops:.2f} "
                f"| {preset.description} |"
            )
        yield ""
