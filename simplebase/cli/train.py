"""`simplebase train`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from simplebase.cli import model_options, options, training_options
from simplebase.cli.app import app, import_tensorflow, say
from simplebase.cli.commands import TRAIN
from simplebase.errors import ArgumentError
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.cli.training_display import TrainingDisplay
    from simplebase.data.dataset import KeypointDataset
    from simplebase.images import DepthRange
    from simplebase.skeletons import Skeleton
    from simplebase.training import TrainingResult
    from simplebase.training.distribution import Distribution

_DEVICES, _RUN = "Devices", "Run"
_SKELETON_OPTIONS = ("skeleton", "classes_path", "matchpoint_path", "skeleton_path")
# Options allowed with --resume: they say where the run computes and finds files, not how it trains.
_WITH_RESUME = {"resume", "dataset", "skip_bad_images", "gpu_num", "strategy", "json", "overwrite"}


@app.command(rich_help_panel=TRAIN)
def train(
    context: typer.Context,
    dataset: options.Dataset = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Model: a name from `simplebase presets`, or a YAML file.",
            show_default=f"that of --weights, else {DEFAULT_PRESET}",
        ),
    ] = None,
    recipe: training_options.Recipe = None,
    weights: training_options.Weights = None,
    input_size: training_options.InputSize = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of the run.", show_default="runs/TIME_PRESET"),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Continue the run in this folder."),
    ] = None,
    total_epoch: training_options.TotalEpoch = None,
    init_epoch: training_options.InitEpoch = None,
    transfer_epoch: training_options.TransferEpoch = None,
    freeze_level: training_options.FreezeLevel = None,
    batch_size: training_options.BatchSize = None,
    optimizer: training_options.Optimizer = None,
    learning_rate: training_options.LearningRate = None,
    decay_type: training_options.Decay = None,
    warmup_epochs: training_options.WarmupEpochs = None,
    weight_decay: training_options.WeightDecay = None,
    clip_norm: training_options.ClipNorm = None,
    ema: training_options.Ema = None,
    loss_type: training_options.Loss = None,
    loss_scale: training_options.LossScale = None,
    sigma: training_options.Sigma = None,
    padding: training_options.Padding = None,
    augmentation: training_options.Augmentation = None,
    geometry_fade: training_options.GeometryFade = None,
    geometry_fade_to: training_options.GeometryFadeTo = None,
    outside_keypoints: training_options.Outside = None,
    finish_on: training_options.FinishOn = None,
    finish_share: training_options.FinishShare = None,
    unlabelled: training_options.Unlabelled = None,
    unlabelled_boxes: training_options.UnlabelledBoxes = None,
    unlabelled_detector: training_options.UnlabelledDetector = None,
    unlabelled_class: training_options.UnlabelledClass = 0,
    unlabelled_settings: training_options.UnlabelledSettings = None,
    teacher: training_options.Teacher = None,
    backbone_weights: training_options.BackboneWeights = None,
    normalisation: training_options.Normalisation = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Repeat the run in this folder, with the given options changed.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    seed: training_options.Seed = None,
    save_every_steps: training_options.SaveEverySteps = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
    mixed_precision: training_options.MixedPrecision = False,
    deterministic: training_options.Deterministic = False,
    gpu_num: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of GPUs that share each batch.",
            rich_help_panel=_DEVICES,
        ),
    ] = 1,
    strategy: Annotated[
        Literal["mirrored", "multi-worker"],
        typer.Option(
            metavar="NAME",
            help="mirrored: this machine. multi-worker: all machines in TF_CONFIG.",
            rich_help_panel=_DEVICES,
        ),
    ] = "mirrored",
    cache: training_options.Cache = "none",
    skip_bad_images: options.SkipBadImages = False,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
) -> None:
    """Train a model and keep its best checkpoints.

    Without --dataset, it trains on drawn figures with the recipe `quick`, which takes a few minutes
    on a laptop. Ctrl-C saves and stops the run; --resume continues it.

    Examples:

        simplebase train --preset mobilenetv2_upsample_lite

        simplebase train --dataset data/cows --input-size 256x192 --total-epoch 60

        simplebase train --dataset data/mpii --skeleton mpii --transfer-epoch 1 --ema 0.999

        simplebase train --dataset data/cows --recipe few --unlabelled meadow.mp4

        simplebase train --dataset data/cows --recipe distil --teacher large.keras

        simplebase train --resume runs/20260101-120000_mobilenetv2_upsample_lite
    """
    from simplebase.files import require_output, write_json

    given = _given(context)
    if resume is None:
        _require_names(given)
    if deterministic or any(map(_was_deterministic, (resume, config))):
        import_tensorflow()
        from simplebase.training import make_deterministic

        # This must precede the setup of devices, which starts TensorFlow's threads.
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
        say("this worker is done; the first worker wrote the run folder")
        return
    _print_result(result, folder, given)
    if json is not None:
        write_json(json, result.to_config(), overwrite=overwrite)


def _require_names(given: dict[str, Any]) -> None:
    """Reports mistyped names before TensorFlow is imported, which takes seconds."""
    from simplebase.presets import load_preset, load_recipe
    from simplebase.zoo import require_model

    for name, require in (("preset", load_preset), ("recipe", load_recipe)):
        if name in given:
            require(given[name])
    for name in ("weights", "teacher"):
        if name in given:
            require_model(given[name])


def _was_deterministic(run: Path | None) -> bool:
    """Returns whether an earlier run was deterministic. A missing run is reported later."""
    if run is None or not run.is_dir():
        return False
    import_tensorflow()
    from simplebase.training.runs.config import RunConfig

    return RunConfig.read(run).deterministic


def _given(context: typer.Context) -> dict[str, Any]:
    """Returns the options that the user gave; defaults are left out."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        name: context.params[name]
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    }


def _train(
    given: dict[str, Any], distribution: "Distribution | None"
) -> "tuple[TrainingResult, str]":
    """Starts a new run. Also returns the folder of the dataset."""
    import_tensorflow()
    from simplebase.training import train as run_training
    from simplebase.training.choosing import choose_training
    from simplebase.training.runs.config import RunConfig

    earlier = RunConfig.read(given["config"]) if "config" in given else None
    choice = choose_training(training_options.parsed(given), earlier)
    preset, folder = choice.preset, choice.dataset
    model_options.fetch_start(
        given.get("weights"), given.get("backbone_weights"), given.get("teacher")
    )
    default = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}_{preset.name}"
    run_dir = given.get("run_dir", default)
    if folder is None:
        folder = options.drawn_figures()
    depth_range = earlier.dataset.own_depth_range() if earlier else None
    dataset = _open(folder, given, choice.skeleton, depth_range)
    title = f"{preset.name} on {folder} with recipe {choice.recipe.name} -> {run_dir}"
    result = run_training(
        preset,
        dataset,
        choice.options,
        run_dir=run_dir,
        overwrite="overwrite" in given,
        distribution=distribution,
        observer=_display(title, distribution),
        progress=options.progress_bar,
    )
    return result, folder


def _resume(
    run: Path, given: dict[str, Any], distribution: "Distribution | None"
) -> "tuple[TrainingResult, str]":
    """Continues a run. Also returns the folder of its dataset."""
    import_tensorflow()
    from simplebase.training import resume as resume_training
    from simplebase.training.runs.config import RunConfig

    config = RunConfig.read(run)
    for name in sorted(given.keys() - _WITH_RESUME):
        raise ArgumentError(
            f"--resume continues {run} with the settings it was started with (preset "
            f"{config.preset.name}, recipe {config.recipe.name}). Leave out "
            f"--{name.replace('_', '-')}."
        )
    folder = given.get("dataset") or config.dataset.folder
    depth_range = config.dataset.own_depth_range()
    dataset = _open(folder, given, config.dataset.own_skeleton(), depth_range)
    display = _display(f"{config.preset.name} on {folder}, resumed -> {run}", distribution)
    result = resume_training(
        run,
        dataset=dataset,
        distribution=distribution,
        observer=display,
        progress=options.progress_bar,
    )
    return result, folder


def _distribution(given: dict[str, Any]) -> "Distribution | None":
    """Sets up the devices that options name, before TensorFlow does anything else."""
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
    """Opens the dataset as the options say, or else as the earlier run read it."""
    from simplebase.data.loading import load_dataset

    options.prepare_for(folder)
    chosen = options.chosen_skeleton(*(given.get(name) for name in _SKELETON_OPTIONS))
    depth_range = options.parse_depth_range(given.get("depth_range")) or depth_range
    dataset = load_dataset(folder, chosen or skeleton, depth_range)
    return options.skip_bad_images(dataset) if "skip_bad_images" in given else dataset


def _display(title: str, distribution: "Distribution | None") -> "TrainingDisplay | None":
    """Returns the display of the training run; None except on the first worker."""
    if distribution is not None and not distribution.is_chief:
        return None
    from simplebase.cli.training_display import TrainingDisplay

    return TrainingDisplay(title)


def _print_result(result: "TrainingResult", dataset: str, given: dict[str, Any]) -> None:
    say(
        f"val PCK@0.5 {options.score_text(result.val_pck)} (epoch {result.best_epoch}); "
        f"baseline, the train split's mean pose: {options.score_text(result.mean_pose_pck)}"
    )
    best = result.recommended
    if result.teacher is not None:
        teacher_pck = options.score_text(result.teacher_val_pck)
        say(f"val PCK@0.5 of the teacher, trained on the labels alone: {teacher_pck}")
        if best == result.teacher:
            say("the unlabelled images did not help, so use the teacher")
    say(f"best checkpoint: {best}")
    evaluate = ["simplebase", "eval", str(best), "--dataset", dataset]
    for name in _SKELETON_OPTIONS:
        if name in given:
            evaluate += [f"--{name.replace('_', '-')}", str(given[name])]
    say(f"next: {command_line(evaluate)}")
