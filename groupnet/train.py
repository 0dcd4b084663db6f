"""`groupnet train`: train a preset, or see what it would train."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress, progress_bar
from groupnet.score_names import SCORE_TITLES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from models.training.preset_run import Plan, TrainResult
    from models.training.report import EpochReport, Observer, StepReport


@verb
def train(
    preset: Annotated[str, typer.Argument(help="A name that `groupnet models` lists below presets.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the data set; digits need none.")] = None,
    out: Annotated[Path | None, typer.Option(help="The checkpoint.", show_default="PRESET_kK.pt")] = None,
    bases: Annotated[int | None, typer.Option(min=1, help="K.", show_default="the preset's")] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of parameters, order and augmentation.", show_default="the preset's"),
    ] = None,
    pretrain_epochs: Annotated[
        int | None, typer.Option(min=0, help="Epochs of the tanh stage.", show_default="the preset's")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of the last stage.", show_default="the preset's")
    ] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Checkpoint whose parameters the network starts with, if they fit.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE in the preset, such as recipe.batch_size=32 or network.width=16."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that decode images.")] = 0,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard's files: curves and sample pictures.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on after an interrupt.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            help="Two steps of every stage on generated images; needs no data, writes nothing; reads what "
            "--data and --backbone name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network; Ctrl-C keeps the last epoch for --resume. `torchrun` starts several processes."""
    from models.training.preset_run import Request, make_plan

    request = Request(
        preset=preset,
        data=data,
        bases=bases,
        seed=seed,
        pretrain_epochs=pretrain_epochs,
        epochs=epochs,
        backbone=backbone,
        overrides=tuple(override or ()),
    )
    plan = make_plan(request)
    if dry_run:
        _try(plan, device, as_json)
        return
    path = out or Path(f"{preset}_k{plan.config.bases}.pt")
    try:
        result = _train(plan, path, device, workers, tensorboard, resume)
    except KeyboardInterrupt:
        from models.training.preset_run import state_path

        if state_path(path).is_file():
            note(f"the last whole epoch is kept in {state_path(path)}: go on with --resume")
        raise
    if result is None:  # one of torchrun's further processes; the first one speaks
        return
    metrics = result.meta.metrics
    if as_json:
        values = {"seed": result.meta.seed, "bases": result.meta.config.bases}
        print_json({"checkpoint": str(result.path), "metrics": metrics, **values})
    else:
        print_result(f"{result.path}: {_named(metrics)} on the test images")


def _train(
    plan: "Plan", path: Path, device: str, workers: int, tensorboard: Path | None, resume: bool
) -> "TrainResult | None":
    from models.training.engine import Machine
    from models.training.preset_run import run_plan
    from models.training.ranks import choose_device, joined_processes
    from models.training.run_log import JsonLog, TensorBoardLog, log_path

    stages = plan.recipe.stages
    chosen = choose_device(device)
    with ExitStack() as stack:
        shard = stack.enter_context(joined_processes(chosen))
        observers: list[Observer] = []
        if shard.rank == 0:  # the other processes say nothing
            _say_what_the_backbone_starts_with(plan)
            show = stack.enter_context(progress_bar(sum(stage.epochs for stage in stages)))
            observers += [_Progress(show), JsonLog(log_path(path), resume)]
        if tensorboard is not None and shard.rank == 0:
            observers.append(stack.enter_context(closing(TensorBoardLog(tensorboard))))
        machine = Machine(device=chosen, shard=shard, evaluate_every=plan.preset.evaluate_every)
        return run_plan(plan, path, resume=resume, machine=machine, workers=workers, observers=observers)


def _say_what_the_backbone_starts_with(plan: "Plan") -> None:
    """A recipe whose authors start with another network's parameters is not theirs without them."""
    source = plan.preset.backbone_from
    if source and plan.request.backbone is None:
        note(
            f"the backbone starts with drawn parameters; the recipe's authors start it with what `groupnet "
            f"train {source}` trains (--backbone)"
        )


class _Progress:
    """Shows each epoch in one line."""

    def __init__(self, show: Callable[[str, int], None]) -> None:
        """Take the bar's function."""
        self._show = show

    def on_step(self, report: "StepReport") -> None:
        """The bar counts epochs."""

    def on_epoch(self, report: "EpochReport") -> None:
        """Move the bar."""
        self._show(describe_epoch(report), report.number)

    def on_pictures(self, epoch: int, pictures: "dict[str, npt.NDArray[np.uint8]]") -> None:
        """A terminal shows none."""


def describe_epoch(report: "EpochReport") -> str:
    """One finished epoch in one line."""
    scores = [f"{name.replace('_', ' ')} {value:.1%}" for name, value in report.scores.items()]
    metrics = [f"test {name} {value:.1%}" for name, value in report.metrics.items()]
    parts = [f"epoch {report.epoch} of {report.epochs}", f"loss {report.loss:.3f}", *scores, *metrics]
    return f"stage {report.stage} of {report.stages} ({report.precision}): {', '.join(parts)}"


def _try(plan: "Plan", device: str, as_json: bool) -> None:
    """Run the plan dry and print what its network costs."""
    from models.training.dry_run import dry_run
    from models.training.ranks import choose_device

    chosen = choose_device(device)
    with progress() as show:
        show(f"two steps of each of {len(plan.recipe.stages)} stages on generated images")
        trial = dry_run(plan, chosen)
    if as_json:
        print_json(asdict(trial))
        return
    costs = trial.costs
    print_result(
        f"{plan.request.preset}: {plan.preset.architecture}, K = {plan.config.bases}, "
        f"{plan.config.input_size} pixels: {costs.binary_weights:,} binary weights and "
        f"{costs.float_parameters:,} float parameters; {costs.binary_macs:,} binary and {costs.float_macs:,} "
        "float multiply-accumulates an image"
    )
    for stage in trial.stages:
        print_result(
            f"{stage.precision}: two steps of two images in {stage.seconds:.1f} s, loss {stage.loss:.3f}"
        )


def _named(metrics: dict[str, float]) -> str:
    """Scores for people: `98.06% top-1`."""
    return ", ".join(f"{value:.2%} {SCORE_TITLES.get(name, name)}" for name, value in metrics.items())
