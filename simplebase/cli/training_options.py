"""Options of `simplebase train` that say how: `TrainingOptions` and the values of a recipe."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from simplebase.cli import options
from simplebase.presets.choices import DecayType, LossType, OptimizerName, OutsideKeypoints

Recipe = Annotated[
    str | None,
    typer.Option(
        help="How to train: default, small, few, distil, paper, upstream, quick, or a YAML.",
        show_default="the preset's",
    ),
]
InputSize = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH, each a multiple of 32.")]
BackboneWeights = Annotated[
    str | None,
    typer.Option(
        help="auto, imagenet, none, a weights file of the backbone, or ghostnet or peleenet.",
        show_default="auto",
    ),
]
Normalisation = Annotated[
    str | None,
    typer.Option(help="What --backbone-weights expects: tf, torch, torch_bgr, caffe or upstream."),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="A whole model to start from (.keras), or the name of a pretrained one."),
]
_UNLABELLED = "Images without labels"
Unlabelled = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR|VIDEO|PATTERN",
        help="Learn from these images too, which nobody labelled; repeatable. They have to show "
        "the same kind of object. Not measured yet what they gain: see docs/unlabelled.md.",
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
        callback=options.open_detector,
        help="YOLOX detector (.onnx) that finds the objects, or its name: yolox-nano, ...",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledClass = Annotated[
    int,
    typer.Option(
        min=0,
        help="Which of its classes; COCO's 0 is a person.",
        rich_help_panel=_UNLABELLED,
    ),
]
Teacher = Annotated[
    Path | None,
    typer.Option(
        help="Model of any format, or the name of a pretrained one, whose keypoints are learnt "
        "on these images and on the labelled ones. [default: the average of the own weights]",
        rich_help_panel=_UNLABELLED,
    ),
]
UnlabelledSettings = Annotated[
    str | None,
    typer.Option(
        help="In place of the recipe's values, such as '{share: 0.5, threshold: 0.3}'.",
        rich_help_panel=_UNLABELLED,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, max=2**32 - 1, help="Same seed, same machine: same curve.", show_default="0"
    ),
]
SaveEverySteps = Annotated[
    int | None,
    typer.Option(min=1, help="Save for --resume within an epoch too, every so many steps."),
]
MixedPrecision = Annotated[
    bool,
    typer.Option(
        "--mixed-precision/--no-mixed-precision",
        help="Compute in 16 bit: float16 on a GPU, bfloat16 on a CPU.",
        rich_help_panel="Devices",
    ),
]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        help="Same seed, same figures to the last bit: one thread, so slower.",
        rich_help_panel="Devices",
    ),
]
Cache = Annotated[
    Literal["none", "memory", "disk"],
    typer.Option(
        help="Keep decoded images for the next epochs; disk outlasts the run.",
        rich_help_panel="Dataset",
    ),
]


def _recipe_option(text: str, **limits: Any) -> Any:
    return typer.Option(
        help=text, rich_help_panel="In place of the recipe's value", show_default=False, **limits
    )


TotalEpoch = Annotated[int | None, _recipe_option("Epochs in all, both stages.", min=1)]
InitEpoch = Annotated[int | None, _recipe_option("Epochs that count as done already.", min=0)]
TransferEpoch = Annotated[
    int | None, _recipe_option("Epochs of a first stage that leaves a part frozen.", min=0)
]
FreezeLevel = Annotated[
    int | None,
    _recipe_option(
        "In that stage: 0 nothing, 1 the backbone, 2 all but the last layer.", min=0, max=2
    ),
]
BatchSize = Annotated[int | None, _recipe_option("Samples a step, on all devices together.", min=1)]
Optimizer = Annotated[
    OptimizerName | None, _recipe_option("Optimizer; sgd with a momentum of 0.9.")
]
LearningRate = Annotated[float | None, _recipe_option("Learning rate at its peak.")]
Decay = Annotated[
    DecayType | None, _recipe_option("How the learning rate falls after the first stage.")
]
WarmupEpochs = Annotated[
    float | None, _recipe_option("Linear warm-up, at most a tenth of the run.")
]
WeightDecay = Annotated[float | None, _recipe_option("Weight decay of adamw.")]
ClipNorm = Annotated[float | None, _recipe_option("Largest norm of the whole gradient; 0 is none.")]
Ema = Annotated[
    float | None,
    _recipe_option("Save a moving average of the weights, with this decay; 0 is none."),
]
Loss = Annotated[LossType | None, _recipe_option("Loss over heatmaps.")]
LossScale = Annotated[float | None, _recipe_option("Factor on the loss.")]
Sigma = Annotated[float | None, _recipe_option("Of the target Gaussians, in heatmap cells.")]
Padding = Annotated[float | None, _recipe_option("Side of the crop over the object's height.")]
Augmentation = Annotated[
    str | None, _recipe_option("A YAML list, such as '[{name: rotation, degrees: 30}]'.")
]
GeometryFade = Annotated[
    float | None,
    _recipe_option("Share of the run over which rotation, scale and shift fade to nothing."),
]
GeometryFadeTo = Annotated[
    float | None, _recipe_option("Share of its strength that geometry keeps after fading.")
]
Outside = Annotated[
    OutsideKeypoints | None,
    _recipe_option("What labelled keypoints outside of the crop teach: nothing, or low scores."),
]
FinishOn = Annotated[
    str | None,
    _recipe_option(
        "Train the end on these images only: a pattern of paths, such as `mine/*`; `*` is all."
    ),
]
FinishShare = Annotated[
    float | None, _recipe_option("Share of the run, at its end, that --finish-on is for.")
]
