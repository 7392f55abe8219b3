"""Where a run trains: its folder, dataset, devices and observer."""

from dataclasses import dataclass
from typing import Any

import keras

from simplebase.data.dataset import KeypointDataset
from simplebase.dtypes import dtype_policy
from simplebase.estimator import SimpleBaseline
from simplebase.geometry import Size
from simplebase.presets import Preset
from simplebase.progress import ProgressBar
from simplebase.training.distribution import Distribution
from simplebase.training.observer import Observer
from simplebase.training.order import EpochOrder
from simplebase.training.runs.config import DatasetSettings, RunConfig
from simplebase.training.runs.folder import Run
from simplebase.training.runs.saving import Saver
from simplebase.training.runs.state import RunProgress
from simplebase.training.tensorboard import TensorBoardLog
from simplebase.training.trainer import Trainer
from simplebase.training.unlabelled.pool import UnlabelledPool


@dataclass(frozen=True)
class RunContext:
    """Where a run trains. The two runs of self-training share all but the last two and `run`.

    Args:
        run: the folder to write.
        dataset: the dataset with both splits.
        distribution: the devices.
        observer: receives the progress.
        augmentation: layers in addition to the recipe's augmentation.
        progress: opens a progress bar for slow work before the first step.
        student: the run for which this one trains the teacher.
        initial: the model with the initial weights, if another run has loaded them already.
    """

    run: Run
    dataset: KeypointDataset
    distribution: Distribution
    observer: Observer | None
    augmentation: tuple[keras.layers.Layer, ...]
    progress: ProgressBar
    student: Run | None = None
    initial: SimpleBaseline | None = None

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return self.distribution.is_chief

    def build_model(
        self,
        preset: Preset,
        input_size: Size,
        facts: DatasetSettings,
        seed: int,
        policy: str,
        **start: Any,
    ) -> SimpleBaseline:
        """Builds the model of the run on its devices.

        Args:
            preset: the preset, with the recipe's changes.
            input_size: `(H, W)`.
            facts: identifies the dataset.
            seed: seed of the initial weights.
            policy: Keras's dtype policy.
            start: the initial weights, see `simplebase.training.options.START`; not used if there
                is `initial`.
        """
        if self.initial is not None:
            start = {"backbone_weights": "none", "normalisation": self.initial.normalisation}
        keras.utils.set_random_seed(seed)
        with self.distribution.strategy.scope(), dtype_policy(policy):
            model = SimpleBaseline.from_preset(
                preset,
                skeleton=self.dataset.skeleton,
                input_size=input_size,
                training_data=facts.digest,
                depth_range=facts.own_depth_range(),
                **start,
            )
            self.distribution.synchronise_batch_norms(model)
            if self.initial is not None:
                model.set_weights(self.initial.get_weights())
        return model

    def trainer(
        self,
        model: SimpleBaseline,
        config: RunConfig,
        progress: RunProgress,
        order: EpochOrder,
        pool: UnlabelledPool | None,
    ) -> Trainer:
        """Returns the trainer of the run, see `Trainer`; writes nothing yet."""
        observers = [] if self.observer is None else [self.observer]
        if self.is_chief:
            observers.append(TensorBoardLog(self.run.tensorboard))
        with self.distribution.strategy.scope(), dtype_policy(config.policy):
            return Trainer(
                model,
                config,
                self.dataset,
                Saver(self.run, self.is_chief, self.student),
                self.distribution,
                observers,
                progress,
                order,
                self.augmentation,
                pool,
            )
