"""Options that several commands share, and functions that parse and open their values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simplebase.cli.app import console, import_tensorflow, say, warn
from simplebase.errors import ArgumentError, counted
from simplebase.progress import Progress

if TYPE_CHECKING:
    from simplebase.data.dataset import KeypointDataset
    from simplebase.images import DepthRange
    from simplebase.presets import Preset, Recipe
    from simplebase.ray_cluster import ClusterOptions
    from simplebase.skeletons import Skeleton

DATASET = "Input data"
"""The panel of options that say how images and datasets are read."""

PLACE = "Where to look"
"""The group of options that say where the objects are."""

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
FitName = Annotated[
    str,
    typer.Option(
        help="How a box fills the model's input: letterbox (the whole box, as in training), "
        "stretch or crop.",
        rich_help_panel=PLACE,
    ),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write the results to this file as JSON.")
]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="FOLDER",
        help="Dataset folder (annotations.json, images/, ...), or a packed dataset.",
    ),
]
SkipBadImages = Annotated[
    bool,
    typer.Option(
        "--skip-bad-images",
        help="Skip images that are missing or damaged, and list them.",
        rich_help_panel=DATASET,
    ),
]
Alike = Annotated[
    float,
    typer.Option(
        help="Two frames are near duplicates if, reduced to a width of 30 pixels, no pixel differs "
        "by more than this many grey levels. -1 keeps all frames.",
    ),
]
SkeletonName = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        metavar="NAME",
        help="Built-in skeleton of the dataset, if its folder has no classes.txt: mpii, coco, "
        "hand21, ... (listed in docs/datasets/skeletons.md).",
        rich_help_panel=DATASET,
    ),
]
ENGINE_PANEL = "Where it runs"
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="local: the threads of this machine. ray: Ray, on this machine or a cluster.",
        rich_help_panel=ENGINE_PANEL,
    ),
]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Address of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT. [default: RAY_ADDRESS, "
        "else this machine]",
        rich_help_panel=ENGINE_PANEL,
    ),
]
DepthRangeText = Annotated[
    str | None,
    typer.Option(
        "--depth-range",
        metavar="LOW,HIGH|file",
        help="Values of 16-bit images that become black and white, such as 0,4095; with `file`, "
        "each image's own minimum and maximum. [default: that of the model, if the command runs "
        "one, else 0,65535]",
        rich_help_panel=DATASET,
    ),
]
ClassesPath = Annotated[
    Path | None,
    typer.Option(
        "--classes-path",
        metavar="FILE",
        help="Keypoint names, one per line.",
        rich_help_panel=DATASET,
    ),
]
MatchpointPath = Annotated[
    Path | None,
    typer.Option(
        "--matchpoint-path",
        metavar="FILE",
        help="Pairs of keypoints that swap when an image is flipped.",
        rich_help_panel=DATASET,
    ),
]
SkeletonPath = Annotated[
    Path | None,
    typer.Option(
        "--skeleton-path",
        metavar="FILE",
        help="Lines between keypoints, for drawings.",
        rich_help_panel=DATASET,
    ),
]
Category = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        help="Use only this category of the COCO file, by name or id; repeatable.",
        show_default="all with keypoints, which must have the same keypoints",
    ),
]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Parses `256x192` into (height, width)."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)[xX](\d+)", text.strip())
    if match is None:
        raise ArgumentError(f"a size must be HEIGHTxWIDTH, such as 256x192. Received: {text!r}.")
    return int(match[1]), int(match[2])


def parse_box(text: str | None) -> tuple[float, float, float, float] | None:
    """Parses `40,30,200,380` into x, y, width, height."""
    if text is None:
        return None
    try:
        left, top, width, height = (float(part) for part in re.split("[,x ]+", text.strip()))
    except ValueError:
        raise ArgumentError(f"--box must be X,Y,WIDTH,HEIGHT. Received: {text!r}.") from None
    return left, top, width, height


def parse_depth_range(text: str | None) -> "DepthRange | None":
    """Parses the value of --depth-range."""
    from simplebase.images import DepthRange

    return None if text is None else DepthRange.parse(text)


def score_text(score: float | None) -> str:
    """Formats a score; `n/a` if nothing was labelled."""
    return "n/a" if score is None else f"{score:.3f}"


def open_dataset(
    folder: str | Path | None,
    skeleton: str | None,
    classes: Path | None,
    match_point: Path | None,
    lines: Path | None,
    depth_range: str | None = None,
) -> "KeypointDataset":
    """Opens the dataset that the options above name."""
    from simplebase.data.loading import load_dataset

    if folder is None:
        raise ArgumentError("no dataset was given. Add --dataset FOLDER.")
    prepare_for(folder)
    chosen = chosen_skeleton(skeleton, classes, match_point, lines)
    return load_dataset(folder, chosen, parse_depth_range(depth_range))


def chosen_settings(
    preset: str, recipe: str | None, input_size: str | None
) -> "tuple[Preset, Recipe, tuple[int, int] | None]":
    """Returns the preset as the recipe trains it, the recipe, and the parsed input size."""
    from simplebase.presets import load_preset, load_recipe

    chosen = load_preset(preset)
    settings = load_recipe(recipe or chosen.recipe)
    return settings.fitted(chosen), settings, parse_size(input_size)


def chosen_cluster(engine: str, **asked: Any) -> "ClusterOptions | None":
    """Returns the cluster options for --engine ray; None for --engine local.

    Args:
        engine: value of --engine.
        asked: fields of `ClusterOptions`.
    """
    from simplebase.ray_cluster import ClusterOptions

    if engine not in ("local", "ray"):
        raise ArgumentError(f"--engine must be local or ray. Received: {engine!r}.")
    cluster, usual = ClusterOptions(**asked), ClusterOptions()
    if engine == "ray":
        return cluster
    if cluster != usual:
        given = [name for name, value in asked.items() if value != getattr(usual, name)]
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ArgumentError(f"with --engine local, leave out {names}. Or give --engine ray.")
    return None


def drawn_figures() -> str:
    """Returns the folder of the embedded dataset, which is drawn at its first use."""
    from simplebase.data.synthetic import embedded_dataset

    say("No --dataset was given. The model is trained on drawn figures.")
    with progress_bar("drawing the embedded dataset") as progress:
        return str(embedded_dataset(progress))


def prepare_for(folder: str | Path) -> None:
    """Imports TensorFlow without its messages, if the dataset needs it."""
    from simplebase.data.packed import is_packed

    if is_packed(folder):
        import_tensorflow()


def chosen_skeleton(
    skeleton: str | None, classes: Path | None, match_point: Path | None, lines: Path | None
) -> "Skeleton | None":
    """Returns the skeleton of the options above; None to use that of the dataset folder."""
    from simplebase.skeletons import load_skeleton, read_text_files

    if skeleton is not None and classes is not None:
        raise ArgumentError("give --skeleton or --classes-path, not both.")
    if classes is None and (match_point or lines):
        raise ArgumentError("--matchpoint-path and --skeleton-path need --classes-path.")
    if classes is not None:
        return read_text_files(classes, match_point, lines)
    return load_skeleton(skeleton) if skeleton else None


def skip_bad_images(dataset: "KeypointDataset") -> "KeypointDataset":
    """Returns the records whose images can be read, and prints which images cannot."""
    from simplebase.data.screening import without_bad_images

    with progress_bar("reading all images") as progress:
        kept, problems = without_bad_images(dataset, progress)
    if problems:
        warn(
            f"{len(dataset) - len(kept)} of {counted(len(dataset), 'record')} skipped, because "
            f"{counted(len(problems), 'image')} cannot be used:\n" + "\n".join(problems)
        )
    return kept


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Shows a progress bar; yields the function that updates it with (done, total)."""
    import rich.progress

    columns = [
        *rich.progress.Progress.get_default_columns()[:3],
        rich.progress.TimeRemainingColumn(),
    ]
    # In a file, a removed bar would leave an empty line.
    silent = not console.is_terminal
    with rich.progress.Progress(*columns, console=console, transient=True, disable=silent) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def say_devices(timed: Sequence[tuple[str, str]]) -> None:
    """Prints the device on which files were timed; one line for each device.

    Args:
        timed: pairs of a file name and its device.
    """
    devices = dict.fromkeys(device for _, device in timed)
    for device in devices:
        names = ", ".join(name for name, own in timed if own == device)
        say(f"timed on {device}" + (f" ({names})" if len(devices) > 1 else ""))
