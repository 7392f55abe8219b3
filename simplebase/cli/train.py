"""`simplebase train`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from simplebase.cli import options
from simplebase.cli.app import app, import_tensorflow, say
from simplebase.errors import ArgumentError, DataError
from simplebase.files.yaml import parse_yaml
from simplebase.presets.choices import DEFAULT_PRESET, DecayType, LossType, OptimizerName
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.cli.training_display import TrainingDisplay
    from simplebase.data.dataset import KeypointDataset
    from simplebase.images import DepthRange
    from simplebase.skeletons import Skeleton
    from simplebase.training import TrainingResult
    from simplebase.training.distribution import Distribution

_RECIPE, _DEVICES, _DATA = "In place of the recipe's value", "Devices", "Dataset"
_SKELETON_OPTIONS = ("skeleton", "classes_path", "matchpoint_path", "skeleton_path")
# What a resumed run may be given: where it runs and finds things, not what it trains.
_WITH_RESUME = {"resume", "dataset", "skip_bad_images", "gpu_num", "strategy", "json", "overwrite"}


def _recipe_option(text: str, **limits: Any) -> Any:
    """An option that takes the place of a recipe's value."""
    return typer.Option(help=text, rich_help_panel=_RECIPE, show_default=False, **limits)


@app.command()
def train(
    context: typer.Context,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Model: a name from `simplebase presets`, or a YAML file.",
            show_default=DEFAULT_PRESET,
        ),
    ] = None,
    dataset: options.Dataset = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="How to train: default, small, paper, upstream, quick, or a YAML.",
            show_default="the preset's",
        ),
    ] = None,
    input_size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH, each a multiple of 32.")
    ] = None,
    backbone_weights: Annotated[
        str | None,
        typer.Option(
            help="auto, imagenet, none, or a weights file of the backbone.", show_default="auto"
        ),
    ] = None,
    normalisation: Annotated[
        str | None,
        typer.Option(
            help="What --backbone-weights expects: tf, torch, torch_bgr, caffe or upstream."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A whole model (.keras) to start from.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**32 - 1,
            help="Same seed, same machine: same curve.",
            show_default="0",
        ),
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where to write.", show_default="runs/TIME_PRESET")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, as if never stopped.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Train as the run in this folder did, but for the options given."),
    ] = None,
    save_every_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Save for --resume within an epoch too, every so many steps."),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
    total_epoch: Annotated[int | None, _recipe_option("Epochs in all, both stages.", min=1)] = None,
    init_epoch: Annotated[
        int | None, _recipe_option("Epochs that count as done already.", min=0)
    ] = None,
    transfer_epoch: Annotated[
        int | None, _recipe_option("Epochs of a first stage that leaves a part frozen.", min=0)
    ] = None,
    freeze_level: Annotated[
        int | None,
        _recipe_option(
            "In that stage: 0 nothing, 1 the backbone, 2 all but the last layer.", min=0, max=2
        ),
    ] = None,
    batch_size: Annotated[
        int | None, _recipe_option("Samples a step, on all devices together.", min=1)
    ] = None,
    optimizer: Annotated[
        OptimizerName | None, _recipe_option("Optimizer; sgd with a momentum of 0.9.")
    ] = None,
    learning_rate: Annotated[float | None, _recipe_option("Learning rate at its peak.")] = None,
    decay_type: Annotated[
        DecayType | None, _recipe_option("How the learning rate falls after the first stage.")
    ] = None,
    warmup_epochs: Annotated[
        float | None, _recipe_option("Linear warm-up, at most a tenth of the run.")
    ] = None,
    weight_decay: Annotated[float | None, _recipe_option("Weight decay of adamw.")] = None,
    clip_norm: Annotated[
        float | None, _recipe_option("Largest norm of the whole gradient; 0 is none.")
    ] = None,
    ema: Annotated[
        float | None,
        _recipe_option("Save a moving average of the weights, with this decay; 0 is none."),
    ] = None,
    loss_type: Annotated[LossType | None, _recipe_option("Loss over heatmaps.")] = None,
    loss_scale: Annotated[float | None, _recipe_option("Factor on the loss.")] = None,
    sigma: Annotated[
        float | None, _recipe_option("Of the target Gaussians, in heatmap cells.")
    ] = None,
    padding: Annotated[
        float | None, _recipe_option("Side of the crop over the object's height.")
    ] = None,
    augmentation: Annotated[
        str | None, _recipe_option("A YAML list, such as '[{name: rotation, degrees: 30}]'.")
    ] = None,
    geometry_fade: Annotated[
        float | None,
        _recipe_option("Share of the run over which rotation, scale and shift fade to nothing."),
    ] = None,
    finish_on: Annotated[
        str | None,
        _recipe_option(
            "Train the end on these images only: a pattern of paths, such as `mine/*`; `*` is all."
        ),
    ] = None,
    finish_share: Annotated[
        float | None, _recipe_option("Share of the run, at its end, that --finish-on is for.")
    ] = None,
    mixed_precision: Annotated[
        bool,
        typer.Option(
            "--mixed-precision/--no-mixed-precision",
            help="Compute in 16 bit: float16 on a GPU, bfloat16 on a CPU.",
            rich_help_panel=_DEVICES,
        ),
    ] = False,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="Same seed, same figures to the last bit: one thread, so slower.",
            rich_help_panel=_DEVICES,
        ),
    ] = False,
    gpu_num: Annotated[
        int, typer.Option(min=1, help="GPUs that share each batch.", rich_help_panel=_DEVICES)
    ] = 1,
    strategy: Annotated[
        Literal["mirrored", "multi-worker"],
        typer.Option(help="This machine, or all that TF_CONFIG names.", rich_help_panel=_DEVICES),
    ] = "mirrored",
    cache: Annotated[
        Literal["none", "memory", "disk"],
        typer.Option(
            help="Keep decoded images for the next epochs; disk outlasts the run.",
            rich_help_panel=_DATA,
        ),
    ] = "none",
    skip_bad_images: options.SkipBadImages = False,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
) -> None:
    """Train a model and keep its best checkpoints.

    Without --dataset it trains on the embedded synthetic figures with the recipe `quick`, from
    random weights, in some minutes on a laptop. Ctrl-C stops it so that --resume can go on.

    Examples:

        simplebase train --preset mobilenetv2_upsample_lite

        simplebase train --dataset data/cows --input-size 256x192 --total-epoch 60

        simplebase train --dataset data/mpii --skeleton mpii --transfer-epoch 1 --ema 0.999

        simplebase train --resume runs/20260101-120000_mobilenetv2_upsample_lite
    """
    from simplebase.files import require_output, write_json

    given = _given(context)
    if deterministic or any(map(_was_deterministic, (resume, config))):
        import_tensorflow()
        from simplebase.training import make_deterministic

        # Before the devices are made: they make TensorFlow's threads.
        make_deterministic()
    distribution = _distribution(given)
    chief = distribution is None or distribution.is_chief
    if json is not None and chief:
        require_output(json, overwrite=overwrite)
    if resume is None:
        result, folder = _train(given, distribution)
    else:
        result, folder = _resume(resume, given, distribution)
    if not chief:
        say("this worker is done; the first one has written the run")
        return
    _print_result(result, folder, given)
    if json is not None:
        write_json(json, result.to_config(), overwrite=overwrite)


def _was_deterministic(run: Path | None) -> bool:
    """Whether an earlier run was; one that is none is told of later."""
    if run is None or not run.is_dir():
        return False
    import_tensorflow()
    from simplebase.training.runs.config import RunConfig

    return RunConfig.read(run).deterministic


def _given(context: typer.Context) -> dict[str, Any]:
    """The options that stand on the command line; all others have no say."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        name: context.params[name]
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    }


def _train(
    given: dict[str, Any], distribution: "Distribution | None"
) -> "tuple[TrainingResult, str]":
    """Trains anew; also returns where the dataset is."""
    import_tensorflow()
    from simplebase.data.synthetic import embedded_dataset
    from simplebase.training import train as run_training
    from simplebase.training.runs.config import RunConfig
    from simplebase.training.settings import choose_settings

    earlier = RunConfig.read(given["config"]) if "config" in given else None
    settings = choose_settings(_parsed(given), earlier)
    preset, recipe = settings.arguments["preset"], settings.arguments["recipe"]
    run_dir = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}_{preset.name}"
    arguments = {"run_dir": run_dir} | settings.arguments
    folder = settings.dataset
    if folder is None:
        with options.progress_bar("drawing the embedded dataset") as progress:
            folder = str(embedded_dataset(progress))
    depth_range = earlier.dataset.own_depth_range() if earlier else None
    dataset = _open(folder, given, settings.skeleton, depth_range)
    title = f"{preset.name} on {folder} with recipe {recipe.name} -> {arguments['run_dir']}"
    display = _display(title, distribution)
    result = run_training(dataset=dataset, distribution=distribution, observer=display, **arguments)
    return result, folder


def _parsed(given: dict[str, Any]) -> dict[str, Any]:
    """The options with those that are small languages of their own read."""
    values = dict(given)
    if "input_size" in given:
        values["input_size"] = options.parse_size(given["input_size"])
    if "augmentation" in given:
        try:
            values["augmentation"] = parse_yaml(given["augmentation"], "--augmentation")
        except DataError as error:
            raise ArgumentError(str(error)) from error
    return values


def _resume(
    run: Path, given: dict[str, Any], distribution: "Distribution | None"
) -> "tuple[TrainingResult, str]":
    """Goes on with a run; also returns where its dataset is."""
    import_tensorflow()
    from simplebase.training import resume as resume_training
    from simplebase.training.runs.config import RunConfig

    config = RunConfig.read(run)
    for name in sorted(given.keys() - _WITH_RESUME):
        raise ArgumentError(
            f"--resume goes on with what {run} was started with (preset {config.preset.name}, "
            f"recipe {config.recipe.name}). Leave out --{name.replace('_', '-')}."
        )
    folder = given.get("dataset") or config.dataset.folder
    depth_range = config.dataset.own_depth_range()
    dataset = _open(folder, given, config.dataset.own_skeleton(), depth_range)
    display = _display(f"{config.preset.name} on {folder}, resumed -> {run}", distribution)
    result = resume_training(run, dataset=dataset, distribution=distribution, observer=display)
    return result, folder


def _distribution(given: dict[str, Any]) -> "Distribution | None":
    """The devices where options name them, made before TensorFlow does anything else."""
    strategy, count = given.get("strategy", "mirrored"), given.get("gpu_num", 1)
    if strategy == "mirrored" and count == 1:
        return None
    import_tensorflow()
    from simplebase.training.distribution import distribute, gpu_devices

    if strategy == "multi-worker":
        if count > 1:
            raise ArgumentError("a worker uses all GPUs of its machine. Leave out --gpu-num.")
        return distribute("multi-worker")
    return distribute(devices=gpu_devices(count))


def _open(
    folder: str,
    given: dict[str, Any],
    skeleton: "Skeleton | None",
    depth_range: "DepthRange | None",
) -> "KeypointDataset":
    """The dataset of the options; where they say nothing, as the earlier run read it."""
    from simplebase.data.loading import load_dataset

    options.prepare_for(folder)
    chosen = options.chosen_skeleton(*(given.get(name) for name in _SKELETON_OPTIONS))
    depth_range = options.parse_depth_range(given.get("depth_range")) or depth_range
    dataset = load_dataset(folder, chosen or skeleton, depth_range)
    return options.skip_bad_images(dataset) if "skip_bad_images" in given else dataset


def _display(title: str, distribution: "Distribution | None") -> "TrainingDisplay | None":
    """What shows the training; one worker's is enough."""
    if distribution is not None and not distribution.is_chief:
        return None
    from simplebase.cli.training_display import TrainingDisplay

    return TrainingDisplay(title)


def _print_result(result: "TrainingResult", dataset: str, given: dict[str, Any]) -> None:
    say(
        f"val PCK@0.5 {options.score_text(result.val_pck)} (epoch {result.best_epoch}); "
        f"mean pose of the train split {options.score_text(result.mean_pose_pck)}"
    )
    say(f"best checkpoint: {result.best}")
    evaluate = ["simplebase", "eval", str(result.best), "--dataset", dataset]
    for name in _SKELETON_OPTIONS:
        if name in given:
            evaluate += [f"--{name.replace('_', '-')}", str(given[name])]
    say(f"next: {command_line(evaluate)}")
