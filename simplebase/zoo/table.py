"""The table of pretrained models: `rows/*.yaml`, with one row per model.

A file has `kind`, `subject`, `defaults` for all its models, `datasets` with keys that all models of
a dataset share, and `models`. A row's own keys take precedence over its dataset's, and these over
the defaults. The keys are the attributes of `ZooModel`, except:

- `url`: one address, or a list in the order in which to try them;
- `file`: only needed if the address does not end in a unique name;
- `bytes` or `megabytes`: size of the file, exact, or estimated from the network's parameters;
- `padding`, `center_shift`: values of `crop`;
- `sigma`, `alignment`, `blur_kernel`: values of `codec`;
- `published`: one figure, `{METRIC: VALUE}`; `measured_on` says how it was measured;
- `keypoints`: number of keypoints of the skeleton.

A file with `place: package` has models of the package. Their rows have no address, hash, size or
properties of the network, which are taken from `embedded/NAME/NAME.yaml`.

Figures are fractions, even if the publisher prints per cent. Models of MMPose are left out if a
newer file of the same network replaces them, or if their head is not three deconvolutions.
"""

import difflib
import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

from simplebase.codec import HeatmapCodec
from simplebase.errors import ArgumentError
from simplebase.files.yaml import parse_own_yaml
from simplebase.geometry import Crop, Size
from simplebase.zoo.embedded import EmbeddedFile, EmbeddedModel, folder_of
from simplebase.zoo.remote import RemoteFile

Kind = Literal["keypoints", "detector", "backbone"]

KINDS: tuple[Kind, ...] = get_args(Kind)

# The order in which models are listed.
_FILES = (
    "embedded",
    "person",
    "wholebody",
    "animal",
    "hand",
    "face",
    "clothes",
    "detectors",
    "backbones",
)

_MOST_NEAREST = 5


@dataclass(frozen=True)
class Published:
    """The publisher's measurement.

    Args:
        metric: `AP`, `AUC`, `PCKh@0.5` or similar, or `NME`, for which lower is better.
        value: the value as a fraction.
        measured_on: the data, the boxes, and whether a flip test was used.
    """

    metric: str
    value: float
    measured_on: str


@dataclass(frozen=True)
class ZooModel:
    """A published model or a model of the package, with its settings.

    Args:
        name: unique in the table.
        kind: `keypoints`: a whole model; `detector`: finds boxes; `backbone`: to train from.
        subject: its objects: `person`, `wholebody`, `animal`, `hand`, `face` or `clothes`;
            `detector` or `backbone` for these kinds.
        description: a sentence.
        urls: addresses of the file, in the order to try them; empty for models of the package.
        file: unique name of the file, in a cache or a mirror.
        sha256: the start of the file's SHA-256, or all 64 digits; None if unknown.
        git_sha1: for a file without `sha256`: SHA-1 of `blob SIZE`, a zero byte and the content.
        size: size of the file in bytes; None if not known exactly.
        approximate_bytes: the same, or an estimate; None if unknown.
        weights_licence: licence of the weights in a phrase, never empty.
        data_licence: licence of the training data, likewise.
        homepage: homepage of the data, or of the publisher for detectors and backbones.
        trained_on: the training data in a phrase.
        published: its published accuracy.
        input_size: `(H, W)` in pixels.
        normalisation: normalisation of the input, see `simplebase.normalisation`; None for a
            detector.
        backbone: a name of `simplebase.backbones.BACKBONES`; None if it is not of this kind.
        preset: a built-in preset. None for other kinds than `keypoints`, like all fields below.
        skeleton: the name of a built-in skeleton, or of the model's own for models of the package.
        num_keypoints: `K`.
        crop: how the object was cut out.
        codec: how heatmaps are decoded. A `blur_kernel` means that it was trained with DARK.
        labelled: the first and last labelled keypoint, if its data do not label all; predictions
            for the others are meaningless.
        aliases: short names.
        note: further remarks, such as contradictions in the publisher's information.
        embedded: its files, if it is part of the package; `file` is then that of its weights.
    """

    name: str
    kind: Kind
    subject: str
    description: str
    urls: tuple[str, ...]
    file: str
    sha256: str | None
    git_sha1: str | None
    size: int | None
    approximate_bytes: int | None
    weights_licence: str
    data_licence: str
    homepage: str
    trained_on: str
    published: Published
    input_size: Size
    normalisation: str | None = None
    backbone: str | None = None
    preset: str | None = None
    skeleton: str | None = None
    num_keypoints: int | None = None
    crop: Crop | None = None
    codec: HeatmapCodec | None = None
    labelled: tuple[int, int] | None = None
    aliases: tuple[str, ...] = ()
    note: str = ""
    embedded: EmbeddedModel | None = None

    @property
    def short_name(self) -> str:
        """The first short name, else the long name."""
        return self.aliases[0] if self.aliases else self.name

    @property
    def original(self) -> RemoteFile | EmbeddedFile:
        """The file from which it is made: a file to fetch, or a file of the package."""
        return self.remote if self.embedded is None else self.embedded.weights

    @property
    def remote(self) -> RemoteFile:
        """Returns the file for `fetch`.

        Raises:
            ArgumentError: the model is part of the package.
        """
        return RemoteFile(
            self.file,
            self.urls,
            self.sha256,
            self.short_name,
            f"{self.weights_licence}; data: {self.data_licence}",
            self.size,
            self.git_sha1,
        )


def names() -> tuple[str, ...]:
    """Returns the long names of all models, in the table's order."""
    return tuple(_rows())


def models(kind: Kind | None = None, subject: str | None = None) -> tuple[ZooModel, ...]:
    """Returns all rows, or those of a kind or a subject, in the table's order."""
    return tuple(
        row
        for row in _rows().values()
        if kind in (None, row.kind) and subject in (None, row.subject)
    )


def aliases() -> dict[str, str]:
    """Maps each short name to the long name."""
    return {alias: row.name for row in _rows().values() for alias in row.aliases}


def is_known(name: str) -> bool:
    """Returns whether `name` is the long or a short name of a model."""
    return name in _rows() or name in aliases()


def find(name: str, kind: Kind | None = None) -> ZooModel:
    """Returns the row of a long or short name.

    Args:
        name: a name such as `person` or `resnet50_deconv_coco_256x192`.
        kind: the required kind; None for any.

    Raises:
        ArgumentError: there is no such model, or it is of another kind; similar names are listed.
    """
    short = aliases()
    row = _rows().get(short.get(name, name))
    if row is None:
        raise ArgumentError(f"there is no pretrained model {name!r}. {nearest(name)}")
    if kind not in (None, row.kind):
        fitting = models(kind)
        some = [alias for each in fitting for alias in each.aliases] or [r.name for r in fitting]
        raise ArgumentError(
            f"the pretrained model {name!r} is of the kind {row.kind}, but {kind} is needed, such "
            f"as {', '.join(some)}."
        )
    return row


def nearest(name: str) -> str:
    """Returns the names most similar to `name`, else the short names, and what lists all."""
    short = aliases()
    near = difflib.get_close_matches(name.lower(), [*short, *_rows()], n=_MOST_NEAREST, cutoff=0.55)
    some = f"Nearest: {', '.join(near)}" if near else f"Short names: {', '.join(short)}"
    return f"{some}. `simplebase models --all` lists all."


@functools.cache
def _rows() -> dict[str, ZooModel]:
    folder = files("simplebase.zoo").joinpath("rows")
    rows: dict[str, ZooModel] = {}
    for name in _FILES:
        content = parse_own_yaml(folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
        for model, own in content["models"].items():
            shared = content["datasets"][own["dataset"]] if "dataset" in own else {}
            facts = {**content["defaults"], **shared, **own}
            if content.get("place") == "package":
                facts |= _embedded_facts(model)
            rows[model] = _row(model, content["kind"], content["subject"], facts)
    return rows


def _embedded_facts(name: str) -> dict[str, Any]:
    """Returns the properties of a model of the package that other rows contain themselves."""
    folder = folder_of(name)
    facts = parse_own_yaml((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    weights, runnable = (
        EmbeddedFile(folder / file["name"], file["bytes"], file["sha256"])
        for file in (facts.pop("weights"), facts.pop("runnable"))
    )
    return facts | {
        "url": (),
        "file": weights.name,
        "sha256": weights.sha256,
        "bytes": weights.bytes + runnable.bytes,
        "embedded": EmbeddedModel(weights, runnable),
    }


def _row(name: str, kind: Kind, subject: str, facts: dict[str, Any]) -> ZooModel:
    urls = (facts["url"],) if isinstance(facts["url"], str) else tuple(facts["url"])
    ((metric, value),) = facts["published"].items()
    height, width = facts["input_size"]
    estimate = facts["megabytes"] * 10**6 if "megabytes" in facts else None
    return ZooModel(
        name=name,
        kind=kind,
        subject=subject,
        description=facts["description"],
        urls=urls,
        file=facts["file"] if "file" in facts else urls[0].rpartition("/")[2],
        sha256=facts.get("sha256"),
        git_sha1=facts.get("git_sha1"),
        size=facts.get("bytes"),
        approximate_bytes=facts.get("bytes", estimate),
        weights_licence=facts["weights_licence"],
        data_licence=facts["data_licence"],
        homepage=facts["homepage"],
        trained_on=facts["trained_on"],
        published=Published(metric, value, facts["measured_on"]),
        input_size=(height, width),
        normalisation=facts.get("normalisation"),
        backbone=facts.get("backbone"),
        aliases=tuple(facts.get("aliases", ())),
        note=facts.get("note", ""),
        embedded=facts.get("embedded"),
        **(_keypoint_facts((height, width), facts) if kind == "keypoints" else {}),
    )


def _keypoint_facts(size: Size, facts: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that only keypoint models have."""
    codec = HeatmapCodec(
        size,
        sigma=facts["sigma"],
        alignment=facts["alignment"],
        blur_kernel=facts.get("blur_kernel"),
    )
    return {
        "preset": facts["preset"],
        "skeleton": facts["skeleton"],
        "num_keypoints": facts["keypoints"],
        "crop": Crop(facts["padding"], facts["center_shift"]),
        "codec": codec,
        "labelled": tuple(facts["labelled"]) if "labelled" in facts else None,
    }
