"""Fixtures that several test modules share."""

import gc
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a process for each core: more threads would only wait for each other.
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import numpy as np
import pytest
from coloured_dots import moving

from simplebase.data.dataset import KeypointDataset
from simplebase.data.image_store import FolderImages
from simplebase.data.loading import load_dataset
from simplebase.data.synthetic import synthesize
from simplebase.geometry import transform_points
from simplebase.images import write_image
from simplebase.metadata import ModelMetadata
from simplebase.presets import Preset
from simplebase.skeletons import load_skeleton

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a job that a shell started in the background. Tests of Ctrl-C would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Keras makes objects by the million: by default a twentieth of the time would go into looking for
# garbage among them.
gc.set_threshold(20_000, 20, 20)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def figures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of 40 drawn figures, 32 for training; not to be written to."""
    return synthesize(tmp_path_factory.mktemp("data") / "figures", count=40)


@pytest.fixture(scope="session")
def figures(figures_folder: Path) -> KeypointDataset:
    return load_dataset(figures_folder)


@pytest.fixture
def copied(figures_folder: Path, tmp_path: Path) -> KeypointDataset:
    """The drawn figures, to damage."""
    return load_dataset(shutil.copytree(figures_folder, tmp_path / "copy"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The index of each image that is read from its file."""
    found: list[int] = []
    read = FolderImages.read

    def spy(images: FolderImages, index: int) -> bytes:
        found.append(int(index))
        return read(images, index)

    monkeypatch.setattr(FolderImages, "read", spy)
    return found


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and weights beside the checkout; a test that needs them skips without."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent; it holds real images and weights, which we do not ship")
    return SHARED


@pytest.fixture(scope="session")
def small_preset() -> Preset:
    """MobileNetV2 of a third of its width under a narrow head, 64x64: builds in a second."""
    return Preset(
        name="small",
        description="for tests",
        backbone={"name": "mobilenetv2", "alpha": 0.35},
        head={"name": "upsample_lite", "channels": (16, 16, 16)},
        input_size=(64, 64),
    )


@dataclass
class KnowingRuntime:
    """A runtime that knows the answers: it encodes `points` (image pixels) for each crop in turn.

    `matrices` (N, 2, 3) lead from image to crop, as the caller is expected to crop.
    """

    metadata: ModelMetadata
    points: np.ndarray
    matrices: np.ndarray
    crops: list[np.ndarray] = field(default_factory=list)

    def predict(self, images: np.ndarray) -> np.ndarray:
        done = len(self.crops)
        self.crops.extend(images)
        chosen = slice(done, done + len(images))
        moved = transform_points(self.matrices[chosen], self.points[chosen])
        labelled = np.concatenate([moved, np.full((*moved.shape[:2], 1), 2.0)], axis=-1)
        return self.metadata.codec.encode(labelled.astype(np.float32))[0]


@pytest.fixture
def knowing_runtime() -> type[KnowingRuntime]:
    return KnowingRuntime


@pytest.fixture(scope="session")
def small_model_file(small_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of the skeleton `mpii`; not to be written to."""
    # Loads TensorFlow, which the process that only hands out tests to xdist's workers does without.
    from simplebase.estimator import SimpleBaseline

    path = tmp_path_factory.mktemp("models") / "small.keras"
    model = SimpleBaseline.from_preset(
        small_preset, skeleton=load_skeleton("mpii"), backbone_weights="none"
    )
    model.save(path)
    return path


@pytest.fixture(scope="session")
def shallow_model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `small_model_file`, of one layer: loads at once, but not in another process."""
    from tiny_runs import one_layer_network

    from simplebase.estimator import SimpleBaseline

    path = tmp_path_factory.mktemp("models") / "shallow.keras"
    with one_layer_network() as preset:
        model = SimpleBaseline.from_preset(
            preset, skeleton=load_skeleton("mpii"), input_size=(64, 64), backbone_weights="none"
        )
    model.save(path)
    return path


@pytest.fixture(scope="session")
def colour_model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that ONNX Runtime runs, see `colour_model`."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    from colour_model import write_colour_model

    return write_colour_model(tmp_path_factory.mktemp("models") / "colours.onnx")


@pytest.fixture(scope="session")
def dot_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten images of coloured dots, see `moving`; not to be written to."""
    folder = tmp_path_factory.mktemp("photos")
    for number, image in enumerate(moving(10, step=5)):
        write_image(folder / f"{number}.png", image)
    return folder
