"""Models that are in the package, so that they need no network.

```
NAME/
├── NAME.tflite          int8, to run: LiteRT opens it, TensorFlow is not needed
├── NAME.tflite.json     its metadata, as of any export
├── NAME.npz             the weights in 8 bits, from which the `.keras` is made: see `compact`
└── NAME.yaml            sizes and hashes of the files, and the facts of the network, for the table
```

`benchmarks/person_model_pack.py` writes all four. What people write about a model is its row in
`../rows/embedded.yaml`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from simplebase.errors import DataError
from simplebase.files import file_sha256

PERSON = "person-mini"
"""What the demo and `simplebase.load` take where no model is named."""

NAMES = (PERSON,)


@dataclass(frozen=True)
class EmbeddedFile:
    """A file of the package.

    Args:
        path: where it is installed.
        bytes: its size.
        sha256: all 64 hex digits.
    """

    path: Path
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.name

    @property
    def digest(self) -> str:
        """As of a `RemoteFile`: the hex digits that tell it from others."""
        return self.sha256

    def checked(self) -> Path:
        """The path of the file, which has the hash.

        Raises:
            DataError: it is missing or was changed.
        """
        if not self.path.is_file() or file_sha256(self.path) != self.sha256:
            state = "was changed" if self.path.is_file() else "is missing"
            raise DataError(
                f"{self.path} {state}: the installation of simplebase is damaged. Install it "
                "again: pip install --force-reinstall --no-deps simplebase"
            )
        return self.path


@dataclass(frozen=True)
class EmbeddedModel:
    """The two files of a model.

    Args:
        weights: what its `.keras` is made from.
        runnable: what runs as it is.
    """

    weights: EmbeddedFile
    runnable: EmbeddedFile


def folder_of(name: str) -> Path:
    """Where the files of the model `name` are."""
    return Path(__file__).parent / name


def runnable_file(name: str) -> Path | None:
    """The file of an embedded model that runs without TensorFlow.

    Returns:
        None where `name` is no embedded model, or where TensorFlow has to run it, because LiteRT is
        not installed. Where neither is installed, it is the file: opening it says what to install.
    """
    if name not in NAMES:
        return None
    if find_spec("ai_edge_litert") is None and find_spec("tensorflow") is not None:
        return None
    return folder_of(name) / f"{name}.tflite"
