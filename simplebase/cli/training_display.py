"""The progress of a training run in the terminal."""

import time

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from simplebase.cli.app import console, say
from simplebase.cli.options import score_text
from simplebase.errors import counted
from simplebase.training.observer import Observer, Plan, StepMetrics
from simplebase.training.runs.metrics import EpochMetrics


class TrainingDisplay(Observer):
    """Shows a progress bar for the run, one for the epoch, and a line for each finished epoch."""

    def __init__(self, title: str) -> None:
        """Prepares the display; `title` is its first line."""
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}"),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
        )
        self._plan = Plan(1, 1, 1, 1, 1)
        self._clock = time.perf_counter()
        self._pck = ""
        self._begun = 0
        self._had_teacher = False
        self._tasks: list[TaskID] = []

    def started(self, plan: Plan) -> None:
        """Prints the head of the table and shows the bars."""
        self._plan, self._pck = plan, ""
        say(self._title)
        if plan.trains_teacher:
            say("training run 1 of 2: the teacher, on the labelled images alone")
        elif self._had_teacher:
            say("training run 2 of 2: the student")
        self._had_teacher = plan.trains_teacher
        if (plan.first_epoch, plan.first_step) != (1, 1):
            say(f"continuing at epoch {plan.first_epoch}, step {plan.first_step}")
        if plan.first_epoch <= plan.first_stage_ends:
            say(f"until epoch {plan.first_stage_ends}, a part of the network is frozen")
        if plan.first_finishing_epoch:
            say(
                f"from epoch {plan.first_finishing_epoch} on, only "
                f"{counted(plan.finish_records, 'record')}"
            )
        if plan.unlabelled_samples:
            say(
                f"{counted(plan.unlabelled_records, 'object')} without labels, "
                f"{plan.unlabelled_samples} in each step; pseudo: share of keypoints that reach "
                "the threshold"
            )
        heads = ["epoch", "loss", "val PCK", "lr", "images/s"]
        console.print(_row(*heads, *["pseudo"] * bool(plan.unlabelled_samples)), style="bold")
        self._begun = plan.first_step - 1
        steps = (plan.last_epoch - plan.first_epoch + 1) * plan.steps_per_epoch - self._begun
        self._run = self._progress.add_task("run", total=steps, note="")
        self._inner = self._progress.add_task("epoch", total=plan.steps_per_epoch, note="")
        self._tasks = [self._run, self._inner]
        self._progress.start()

    def stepped(self, metrics: StepMetrics) -> None:
        """Updates both bars."""
        plan, step = self._plan, metrics.step
        first = plan.first_step if metrics.epoch == plan.first_epoch else 1
        if step == first:
            # The time of the first step is unknown, because it started before this call.
            self._clock = time.perf_counter()
            description = f"epoch {metrics.epoch}"
            self._progress.reset(self._inner, total=plan.steps_per_epoch, description=description)
        rate = (step - first) * plan.batch_size / (time.perf_counter() - self._clock + 1e-9)
        note = f"loss {metrics.loss:.4f}  lr {metrics.learning_rate:.1e}"
        if step > first:
            note += f"  {rate:.0f} images/s"
        self._progress.update(self._inner, completed=step, note=note)
        done = (metrics.epoch - plan.first_epoch) * plan.steps_per_epoch + step - self._begun
        self._progress.update(self._run, completed=done, note=self._pck)

    def validating(self, done: int, total: int) -> None:
        """Shows the progress of the validation in the inner bar."""
        self._progress.update(self._inner, completed=done, total=total, note="validating")

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """Prints the line of the epoch."""
        self._pck = f"val PCK {score_text(metrics.val_pck)}"
        pseudo = metrics.pseudo_keypoints
        console.print(
            _row(
                f"{metrics.epoch}/{self._plan.last_epoch}",
                f"{metrics.loss:.4f}",
                score_text(metrics.val_pck),
                f"{metrics.learning_rate:.2e}",
                f"{metrics.images_per_second:.0f}" if metrics.images_per_second else "-",
                *([] if pseudo is None else [f"{pseudo:.1%}"]),
            )
        )

    def stopping(self, signal: str) -> None:
        """Confirms the signal, because the current step may take a while."""
        say(
            f"{signal}: saving and stopping after this step. A second signal "
            "stops at once, unsaved."
        )

    def ended(self) -> None:
        """Removes the bars, so that another training can follow."""
        self._progress.stop()
        for task in self._tasks:
            self._progress.remove_task(task)
        self._tasks = []


def _row(*cells: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in cells:
        table.add_column(width=9, justify="right")
    table.add_row(*cells)
    return table
