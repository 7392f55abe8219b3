"""The command blocks of a tutorial, and running them one after the other on small data."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import forked_processes

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
BY_HAND = ("pip", "labelme")
"""Programs that a test leaves out: the installation, and a window in which a person works."""
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
# The last of two equal options counts, so these stand behind those of the page.
_SMALLER = {
    "data synthesize": ("--count", "50"),
    "train": ("--total-epoch", "1", "--input-size", "64x64", "--batch-size", "8"),
    # Eight images say little about what 8 bits cost.
    "export": ("--images", "8", "--tolerance", "1"),
    "bench model": ("--seconds", "0.1", "--batch-sizes", "1"),
}


# A pretrained model keeps finding what it found.
_GENTLE = ("--input-size", "160x160", "--learning-rate", "1e-5")


def commands(page: Path) -> list[list[str]]:
    """The words of each command in the `sh` blocks of a page, in its order."""
    blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def run(words: list[str], folder: Path, *, one_layer: bool = True) -> str:
    """Runs `simplebase ...` in `folder`, in a process of its own, and returns what it printed.

    It runs with small settings, and with a network of one layer in place of MobileNetV2, unless the
    weights of a pretrained model do not fit that.
    """
    assert words[0] == "simplebase", f"no way to run this is known: {words}"
    for start, options in _SMALLER.items():
        if words[1:3] == start.split() or words[1] == start:
            words = [*words, *options]
    if words[1] == "train" and not one_layer:
        words = [*words, *_GENTLE]
    output = folder / "output.txt"
    output.unlink(missing_ok=True)
    process = forked_processes.start(_simplebase, words, folder, one_layer, output=output)
    process.join(600)
    printed = output.read_text(encoding="utf-8")
    assert process.exitcode == 0, f"{shlex.join(words)}\n{printed}"
    return printed


def _simplebase(words: list[str], folder: Path, one_layer: bool) -> None:
    from model_checks import OneLayerBackbone

    from simplebase import cli
    from simplebase.backbones import BACKBONES

    if one_layer:
        BACKBONES["mobilenetv2"] = OneLayerBackbone
    os.chdir(folder)
    sys.argv = words
    cli.main()


def files_below(folder: Path) -> Iterator[str]:
    """Paths of all files in `folder`, relative to it."""
    return (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())
