"""Options of `simplebase train` that set `TrainingOptions` and recipes, and their parsing."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from simplebase.cli import model_options
from simplebase.cli.options import DATASET, parse_size
from simplebase.errors import ArgumentError, DataError
from simplebase.presets.choices import DecayType, LossType, OptimizerName, OutsideKeypoints

_START = "Starting weights"

Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="How to train: default, small, finetune, few, distil, paper, upstream, quick, or a "
        "YAML file.",
        show_default="the preset's",
    ),
]
InputSize = Annotated[
    str | None,
    typer.Option(
        metavar="HxW",
        help="Input size, such as 256x192 (height x width); each a multiple of 32.",
        show_default="the recipe's, else that of --weights, else the preset's",
    ),
]
BackboneWeights = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="Starting weights of the backbone: imagenet; auto (imagenet if it can be downloaded); "
        "none; ghostnet; peleenet; or a file.",
        show_default="auto",
        rich_help_panel=_START,
    ),
]
Normalisation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Input that a file given as --backbone-weights expects: tf, torch, torch_bgr, caffe "
        "or upstream.",
        rich_help_panel=_START,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="MODEL",
        help="Start from this model: a .keras file or the name of a pretrained model, such as "
        "person. Its preset and input size are the defaults.",
    ),
]
_UNLABELLED = "Images without labels"
Unlabelled = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR|VIDEO|PATTERN",
        help="Also learn from these images, which need no labels; repeatable. They must show the "
        "same kind of object. Expect a small gain (0.02 of PCK or none) for two to three times "
        "the time, see docs/unlabelled.md.",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledBoxes = Annotated[
    Path | None,
    typer.Option(
        help="JSON file of boxes, as demo --boxes takes it. [default: whole images]",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledDetector = Annotated[
    Path | None,
    typer.Option(
        callback=model_options.open_detector,
        help="YOLOX detector (.onnx) that finds the objects, or its name: yolox-nano, ...",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledClass = Annotated[
    int,
    typer.Option(
        min=0,
        help="Class of the detector to look for; in COCO, 0 is a person.",
        rich_help_panel=_UNLABELLED,
    ),
]
Teacher = Annotated[
    Path | None,
    typer.Option(
        help="Model of any format, or the name of a pretrained model. Its keypoints are learnt on "
        "these images and on the labelled ones. [default: a first model, trained on the "
        "labelled images alone]",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledSettings = Annotated[
    str | None,
    typer.Option(
        help="Override values of the recipe, such as '{share: 0.5, threshold: 0.3}'.",
        rich_help_panel=_UNLABELLED,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=2**32 - 1,
        help="Seed of the initial weights, the order and the augmentation.",
        show_default="0",
        rich_help_panel="Run",
    ),
]
SaveEverySteps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Save the state for --resume every N steps, not only after each epoch.",
        rich_help_panel="Run",
    ),
]
MixedPrecision = Annotated[
    bool,
    typer.Option(
        "--mixed-precision/--no-mixed-precision",
        help="Compute with 16 bits: float16 on a GPU, bfloat16 on a CPU.",
        rich_help_panel="Devices",
    ),
]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        help="Give the same results to the last bit for the same seed. Slower: uses one thread.",
        rich_help_panel="Devices",
    ),
]
Cache = Annotated[
    Literal["none", "memory", "disk"],
    typer.Option(
        help="Keep decoded images for the next epochs (memory) or also the next runs (disk).",
        rich_help_panel=DATASET,
    ),
]


def _recipe_option(text: str, **limits: Any) -> Any:
    return typer.Option(
        help=text,
        rich_help_panel="Override a value of the recipe",
        show_default=False,
        **{"metavar": "X"} | limits,
    )


TotalEpoch = Annotated[
    int | None, _recipe_option("Number of epochs, both stages together.", metavar="N", min=1)
]
InitEpoch = Annotated[
    int | None, _recipe_option("Epochs that count as already done.", metavar="N", min=0)
]
TransferEpoch = Annotated[
    int | None,
    _recipe_option("Epochs of a first stage with frozen layers.", metavar="N", min=0),
]
FreezeLevel = Annotated[
    int | None,
    _recipe_option(
        "What the first stage freezes: 0 nothing, 1 the backbone, 2 all but the last layer.",
        metavar="N",
        min=0,
        max=2,
    ),
]
BatchSize = Annotated[
    int | None, _recipe_option("Samples per step, on all devices together.", metavar="N", min=1)
]
Optimizer = Annotated[
    OptimizerName | None,
    _recipe_option("adam, adamw, rmsprop or sgd (with a momentum of 0.9).", metavar="NAME"),
]
LearningRate = Annotated[float | None, _recipe_option("Peak learning rate.")]
Decay = Annotated[
    DecayType | None,
    _recipe_option(
        "How the learning rate falls: none, cosine, exponential, polynomial, piecewise-constant "
        "or step.",
        metavar="NAME",
    ),
]
WarmupEpochs = Annotated[
    float | None, _recipe_option("Epochs of linear warm-up, at most a tenth of the run.")
]
WeightDecay = Annotated[float | None, _recipe_option("Weight decay of adamw.")]
ClipNorm = Annotated[
    float | None, _recipe_option("Limit on the norm of the whole gradient; 0 for none.")
]
Ema = Annotated[
    float | None,
    _recipe_option("Decay of the moving average of the weights that is saved; 0 for none."),
]
Loss = Annotated[
    LossType | None,
    _recipe_option(
        "Loss on heatmaps: mse, mae, weighted_mse, smooth_l1, huber, ohkm or adaptive_wing.",
        metavar="NAME",
    ),
]
LossScale = Annotated[float | None, _recipe_option("Factor by which the loss is multiplied.")]
Sigma = Annotated[float | None, _recipe_option("Sigma of the target Gaussians, in heatmap cells.")]
Padding = Annotated[
    float | None,
    _recipe_option("Side of the crop, as a multiple of the longer side of the object's box."),
]
Augmentation = Annotated[
    str | None,
    _recipe_option("A YAML list, such as '[{name: rotation, degrees: 30}]'.", metavar="YAML"),
]
GeometryFade = Annotated[
    float | None,
    _recipe_option("Share of the run, at its end, in which rotation, scale and shift fade out."),
]
GeometryFadeTo = Annotated[
    float | None, _recipe_option("Share of rotation, scale and shift that is left at the end.")
]
Outside = Annotated[
    OutsideKeypoints | None,
    _recipe_option(
        "Labelled keypoints outside of the crop: `ignored`, or trained as `absent` (low score).",
        metavar="HOW",
    ),
]
FinishOn = Annotated[
    str | None,
    _recipe_option(
        "Finish the run on images whose path matches this pattern, such as `mine/*`; `*` is all.",
        metavar="PATTERN",
    ),
]
FinishShare = Annotated[
    float | None, _recipe_option("Share of the run, at its end, for --finish-on.")
]


def parsed(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the options of `train` with sizes and YAML parsed.

    Args:
        given: the values of the options that the user gave, by their names in Python.

    Raises:
        ArgumentError: a value cannot be parsed, or an option needs another one.
    """
    values = dict(given)
    if "input_size" in given:
        values["input_size"] = parse_size(given["input_size"])
    for name in ("augmentation", "unlabelled_settings"):
        if name in given:
            values[name] = _yaml(given[name], name)
    _name_unlabelled_images(values)
    return values


def _yaml(text: str, name: str) -> Any:
    from simplebase.files.yaml import parse_yaml

    try:
        return parse_yaml(text, f"--{name.replace('_', '-')}")
    except DataError as error:
        raise ArgumentError(str(error)) from error


def _name_unlabelled_images(values: dict[str, Any]) -> None:
    """Combines the options of unlabelled images into the field of `TrainingOptions`."""
    sources = values.pop("unlabelled", None)
    where = {
        name: values.pop(f"unlabelled_{option}")
        for name, option in (
            ("boxes", "boxes"),
            ("detector", "detector"),
            ("detector_class", "class"),
        )
        if f"unlabelled_{option}" in values
    }
    if sources is not None:
        values["unlabelled_images"] = {"sources": sources, **where}
    elif where:
        raise ArgumentError(
            "--unlabelled-boxes, --unlabelled-detector and --unlabelled-class need --unlabelled."
        )
