"""Keras opens our files after `import simplebase` alone, and simplebase does not import Keras."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from model_checks import Parts

import simplebase
from simplebase.registration import SERIALIZABLE


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and a backbone alone."""
    folder = tmp_path_factory.mktemp("files")
    model = Parts(backbone="mobilenetv3small").build((32, 32))
    model.save(folder / "model.keras")
    model.backbone.save(folder / "backbone.keras")
    return folder


@pytest.mark.parametrize(
    "imports", ["import simplebase, keras", "import keras, simplebase"], ids=["before", "after"]
)
def test_importing_simplebase_is_enough_for_keras(files: Path, imports: str) -> None:
    code = (
        f"{imports}\n"
        "for name in ('backbone', 'model'):\n"
        "    print(type(keras.saving.load_model(f'{name}.keras')).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["MobileNetV3SmallBackbone", "SimpleBaseline"]


def test_neither_the_import_nor_looking_for_keras_imports_it() -> None:
    code = (
        "import sys, simplebase, importlib.util\n"
        "assert importlib.util.find_spec('keras') is not None\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules), sorted(sys.modules)\n"
        # The search alone must not have used the finder up.
        "import keras\n"
        "assert 'simplebase>SimpleBaseline' in keras.saving.get_custom_objects()\n"
        "assert 'simplebase.estimator' not in sys.modules\n"
        "assert not [f for f in sys.meta_path if type(f).__name__ == '_KerasFinder']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_class_that_keras_may_find_is_in_the_table() -> None:
    for module in pkgutil.walk_packages(simplebase.__path__, "simplebase."):
        if module.name.startswith(("simplebase.backbones", "simplebase.heads")):
            importlib.import_module(module.name)
    for name in ("estimator", "losses", "training.pck", "training.optimizer"):
        importlib.import_module(f"simplebase.{name}")
    decorated = {
        path.relative_to(Path(simplebase.__file__).parents[1]).with_suffix("")
        for path in Path(simplebase.__file__).parent.rglob("*.py")
        if "@keras.saving.register_keras_serializable" in path.read_text("utf-8")
    }
    assert {".".join(path.parts) for path in decorated} == set(SERIALIZABLE.values())
    registered = {
        name.removeprefix("simplebase>"): entry.__module__
        for name, entry in keras.saving.get_custom_objects().items()
        if name.startswith("simplebase>")
    }
    assert registered == SERIALIZABLE
