"""The folder of a study: its files, its settings and its lock.

```
FOLDER/
├── tuning.json        the settings of the study: preset, recipe, dataset, space
├── study.log          Optuna's journal: values and val PCK of all trials
├── trial_000/         an ordinary run, see `simplebase.training.runs.folder`
├── ...
├── curves.png         the curves of all trials
└── best_recipe.yaml   the recipe of the best trial, for `train --recipe`
```
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import OutputExistsError
from simplebase.files import read_json, write_json
from simplebase.files.locks import locked
from simplebase.presets import Preset
from simplebase.training import TrainingOptions
from simplebase.training.runs.config import DatasetSettings
from simplebase.tuning.space import Space

SETTINGS, JOURNAL = "tuning.json", "study.log"
BEST, CURVES = "best_recipe.yaml", "curves.png"


def study_settings(
    preset: Preset, options: TrainingOptions, dataset: KeypointDataset, space: Space
) -> dict[str, Any]:
    """Returns the settings that must be the same for a study to be continued."""
    content = {
        "preset": preset.model_dump(mode="json"),
        "options": options.model_dump(mode="json"),
        "dataset": {**DatasetSettings.of(dataset).model_dump(mode="json"), "folder": ""},
        "space": space.to_config(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


@contextmanager
def study_folder(folder: Path, settings: dict[str, Any]) -> Iterator[None]:
    """Creates and locks the folder of a study.

    Raises:
        OutputExistsError: the folder belongs to something else, or to a study with other settings.
        InUseError: another process is using it.
    """
    file = folder / SETTINGS
    if folder.exists() and not file.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExistsError(
            f"{folder} is not a folder of `simplebase tune`. Choose another path with --output."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".simplebase.lock", str(folder), "choose another --output"):
        if file.exists():
            _require_same(folder, read_json(file), settings)
        else:
            write_json(file, settings)
        yield


def _require_same(folder: Path, found: Any, settings: dict[str, Any]) -> None:
    for name, ours in settings.items():
        if not isinstance(found, dict) or found.get(name) != ours:
            raise OutputExistsError(
                f"{folder} was tuned with another {name}. Give the same one to continue, or choose "
                "another --output."
            )
