"""`simplebase demo`."""

from pathlib import Path
from typing import Annotated

import typer

from simplebase.cli.app import app, import_tensorflow, say
from simplebase.cli.options import Overwrite, parse_box


@app.command()
def demo(
    input: Annotated[Path, typer.Option(help="An image file.")],
    model: Annotated[Path, typer.Option(help="Model file (.keras).")],
    output: Annotated[Path, typer.Option(help="Image file to write.")],
    box: Annotated[
        str | None, typer.Option(help="X,Y,WIDTH,HEIGHT of the object. [default: the whole image]")
    ] = None,
    min_score: Annotated[float, typer.Option(help="Leave out keypoints below it.")] = 0.1,
    overwrite: Overwrite = False,
) -> None:
    """Draw the keypoints that a model finds in an image.

    Examples:

        simplebase demo --model best.keras --input photo.jpg --output pose.jpg

        simplebase demo --model best.keras --input photo.jpg --box 40,30,200,380 --output pose.jpg
    """
    numbers = parse_box(box)

    import_tensorflow()
    from simplebase.demo.image import demo_image

    poses = demo_image(model, input, output, box=numbers, min_score=min_score, overwrite=overwrite)
    for pose in poses:
        drawn = int((pose.keypoints[:, 2] >= min_score).sum())
        say(
            f"{output}: {drawn} of {len(pose.keypoints)} keypoints score {min_score:g} or more "
            f"(mean {pose.score:.2f})"
        )
        if drawn == 0:
            say("Nothing was drawn: is the object in view? Try --box, or a lower --min-score.")
