"""Accuracy of the papers' variants on one data set: a table over seeds, and what each variant costs.

`python -m benchmarks.ablation --data DIR [--study classification|segmentation|detection] [--preset NAME]
[--seeds 3] [--pretrain-epochs N] [--epochs N] [--override NAME=VALUE] [--variant NAME] [--out DIR]
[--table-only] [--json]`

What is measured is kept in the folder --out, and not measured again. An interrupted training goes on when the
command is repeated; several processes may work on one folder.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ablation_plan import plan_runs
from benchmarks.ablation_progress import Progress, label
from benchmarks.ablation_run import Measurement, Run, train_run
from benchmarks.ablation_store import Store
from benchmarks.ablation_studies import STUDY_NAMES, study_of
from benchmarks.ablation_table import ablation_rows, ablation_table
from benchmarks.rows import print_rows
from groupnet.boundary import EXIT_ERROR, verb
from groupnet.console import AsJson, note, print_result, progress
from models.errors import TrainingError
from models.training.engine import Machine
from models.training.ranks import choose_device
from models.training.report import Observer

Train = Callable[[Run, Path, Sequence[Observer]], Measurement]
"""Trains a run to a checkpoint, telling observers."""


@verb
def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the data set; digits need none.")] = None,
    study: Annotated[str, typer.Option(help=f"{', '.join(STUDY_NAMES)}.")] = STUDY_NAMES[0],
    preset: Annotated[str | None, typer.Option(help="Another preset of the same task, unshortened.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 3,
    pretrain_epochs: Annotated[int | None, typer.Option(min=0, help="Of the stages before the last.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the last stage.")] = None,
    override: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE in the preset, for every variant.")
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="Only variants of this name, once for each.")
    ] = None,
    backbone: Annotated[
        list[Path] | None,
        typer.Option(help="Checkpoint to start with; each variant takes the first of its K and precision."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results, made if absent.")] = Path("ablation"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that decode images.")] = 0,
    table_only: Annotated[bool, typer.Option(help="Train nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train what is not measured yet, then print the table."""
    chosen = study_of(study)
    runs = plan_runs(
        chosen,
        data=data,
        preset=preset,
        seeds=seeds,
        pretrain_epochs=pretrain_epochs,
        epochs=epochs,
        overrides=override or (),
        only=variant or (),
        backbones=backbone or (),
    )
    out.mkdir(parents=True, exist_ok=True)
    store = Store(out)
    failed: list[Run] = []
    if not table_only:
        machine = Machine(device=choose_device(device))

        def train(run: Run, checkpoint: Path, observers: Sequence[Observer]) -> Measurement:
            return train_run(run, checkpoint, machine=machine, workers=workers, observers=observers)

        try:
            with progress() as say:
                failed = measure(runs, store, train, say)
        except KeyboardInterrupt:
            note(f"what is measured is kept in {out}: repeat the command to go on")
            raise
    found = {run.name: result for run in runs if (result := store.find(run)) is not None}
    rows = ablation_rows(runs, found, chosen.metric)
    if as_json:
        print_rows(rows)
    else:
        title = f"{study}: {preset or chosen.preset}, {runs[0].plan.config.input_size} pixels"
        print_result(ablation_table(rows, title, chosen.title, seeds))
    if failed:
        note(f"error: {len(failed)} of {len(runs)} trainings failed; change the recipe with --override")
        raise typer.Exit(EXIT_ERROR)


def measure(runs: Sequence[Run], store: Store, train: Train, say: Callable[[str], None]) -> list[Run]:
    """Train the runs that are not measured and that no other process works on.

    A training that diverges does not keep the others from being measured.

    Returns:
        The runs that failed.
    """
    missing = [run for run in runs if store.find(run) is None]
    if not missing:
        return []
    state = Progress(say, missing)
    failed: list[Run] = []
    for run in missing:
        with store.claim(run) as ours:
            if not ours:
                note(f"{label(run)}: process {store.holder(run)} works on it")
            elif store.find(run) is None:  # another process may have measured it meanwhile
                state.begin(run)
                try:
                    store.write(run, train(run, store.checkpoint(run), [state]))
                except TrainingError as error:
                    failed.append(run)
                    note(f"{label(run)}: {error}")
        state.leave(run)
    return failed


if __name__ == "__main__":
    typer.run(main)
