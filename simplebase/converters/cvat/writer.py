"""Our dataset folder as "CVAT for images 1.1", see `simplebase.converters.cvat.reader`.

```
OUT/
├── annotations.xml    a skeleton for each object, and a box of the same group_id
├── images/            copies, links, or one link to the dataset's folder
└── simplebase.txt     says who wrote the folder, and that it may be replaced
```

Coordinates have four decimals. The splits are the subsets `Train` and `Validation`.
"""

import os
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from simplebase.converters.conversion import ConversionReport
from simplebase.converters.image_files import ImageMode, place_images
from simplebase.converters.outgoing import Outgoing, open_outgoing, replacing_own
from simplebase.data.cvat_format import cvat_document, cvat_image, cvat_shapes
from simplebase.data.dataset import IMAGES
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

CONTENT = ("annotations.xml", IMAGES)


def to_cvat(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder as CVAT's XML for images.

    An image is in one subset: one that has records of both splits is in `Validation`.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy`, `link` or `none`, as in `write_dataset`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` holds the dataset.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, or the format cannot hold a name.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    outgoing = open_outgoing(dataset, output, skeleton, CONTENT, overwrite=overwrite)
    outgoing.note_lost_pairs()
    _join_splits(outgoing)
    # CVAT offers the object with most keypoints for new ones.
    keypoints = outgoing.records.keypoints
    typical = keypoints[int((keypoints[:, :, 2] > 0).sum(axis=1).argmax())]
    content = cvat_document(outgoing.skeleton, typical, list(_images(outgoing)))
    with replacing_own(output, "to-cvat", CONTENT, overwrite=overwrite) as partial:
        partial.mkdir()
        place_images(
            outgoing.files, partial / IMAGES, images, outgoing.image_folder, progress=progress
        )
        (partial / "annotations.xml").write_bytes(content)
    return outgoing.report()


def _join_splits(outgoing: Outgoing) -> None:
    """Holds out all records of an image of which one is held out."""
    validation = outgoing.records.validation
    both = 0
    for indices in outgoing.objects.values():
        held_out = validation[indices]
        if held_out.any() and not held_out.all():
            both += 1
            validation[indices] = True
    if both:
        outgoing.notes.append(f"images of both splits, written as Validation: {both}")


def _images(outgoing: Outgoing) -> Iterator[Element]:
    records = outgoing.records
    group = 0
    for number, (path, indices) in enumerate(outgoing.objects.items()):
        shapes: list[Element] = []
        for index in indices:
            group += 1
            keypoints, center = records.keypoints[index], records.centers[index].tolist()
            box = outgoing.box(index)
            shapes += cvat_shapes(outgoing.skeleton, keypoints, box, group, center)
        subset = "Validation" if records.validation[indices[0]] else "Train"
        yield cvat_image(number, path, outgoing.sizes[path], shapes, subset)
