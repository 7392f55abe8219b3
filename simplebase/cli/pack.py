"""`simplebase data pack`."""

from typing import Annotated

import typer

from simplebase.cli import options
from simplebase.cli.app import import_tensorflow, say
from simplebase.cli.data import data_app
from simplebase.errors import counted
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.shell import command_line


@data_app.command()
def pack(
    dataset: Annotated[str, typer.Argument(help="A dataset folder.")],
    output: Annotated[str, typer.Argument(help="Folder or address (gs://...) to write.")],
    preset: Annotated[
        str, typer.Option(help="Preset whose crop and input size to use: a name or a YAML file.")
    ] = DEFAULT_PRESET,
    input_size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH. [default: the recipe's, else the preset's]"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Recipe whose augmentation sets the margin. [default: the preset's]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed for the order of the train records.")] = 0,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
    skip_bad_images: options.SkipBadImages = False,
    engine: options.EngineName = "local",
    address: options.ClusterAddress = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="Number of shards that Ray writes at a time. [default: a few more than its CPUs]",
            rich_help_panel=options.ENGINE_PANEL,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Cut out every object once and write the crops as TFRecord shards with checksums.

    Use it for millions of images, or for several workers: `train --dataset OUT` then reads a few
    shards instead of many files. If packing is interrupted, run the same
    command again to continue.

    Example:

        simplebase data pack data/coco data/coco_packed --input-size 256x192
    """
    from simplebase.metadata import ModelMetadata

    cluster = options.chosen_cluster(engine, address=address, concurrency=concurrency)
    chosen, settings, size = options.chosen_settings(preset, recipe, input_size)
    opened = options.open_dataset(
        dataset, skeleton, classes_path, matchpoint_path, skeleton_path, depth_range
    )
    if skip_bad_images:
        opened = options.skip_bad_images(opened)
    metadata = ModelMetadata.from_preset(chosen, opened.skeleton, size)

    import_tensorflow()
    from simplebase.augmentation import Augmentation
    from simplebase.data.packed import pack_dataset

    augmentation = Augmentation(settings.augmentation, metadata.input_size, opened.skeleton)
    with options.progress_bar("packing") as progress:
        manifest = pack_dataset(
            opened,
            output,
            crop=metadata.crop,
            input_size=metadata.input_size,
            canvas_size=augmentation.canvas_size,
            seed=seed,
            overwrite=overwrite,
            cluster=cluster,
            progress=progress,
        )
    size_gib = sum(shard.bytes for shard in manifest.shards) / 2**30
    say(
        f"{output}: {counted(len(opened), 'record')} in {counted(len(manifest.shards), 'shard')}, "
        f"{size_gib:.2f} GiB"
    )
    used = {"--preset": preset, "--input-size": input_size, "--recipe": recipe}
    same = [part for option, value in used.items() if value for part in (option, value)]
    say(f"next: {command_line(['simplebase', 'train', '--dataset', output, *same])}")
