"""`groupnet train`: train a network of the zoo again, or one like it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress_bar

if TYPE_CHECKING:
    from models.training import EpochReport


@verb
def train(
    data: Annotated[Literal["digits"], typer.Argument(help="The data set; digits comes with scikit-learn.")],
    out: Annotated[Path | None, typer.Option(help="The checkpoint.", show_default="digits_kK.pt")] = None,
    bases: Annotated[int, typer.Option(min=1, help="K.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of parameters, order and augmentation.")] = 0,
    pretrain_epochs: Annotated[
        int | None, typer.Option(min=0, help="Epochs of the tanh stage.", show_default="the recipe's")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of the binary stage.", show_default="the recipe's")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on after an interrupt.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train Group-Net on a data set; Ctrl-C keeps the last epoch for --resume."""
    from models.digits_recipe import EPOCHS, PRETRAIN_EPOCHS, state_path, train_digits

    path = out or Path(f"{data}_k{bases}.pt")
    first_stage = PRETRAIN_EPOCHS if pretrain_epochs is None else pretrain_epochs
    last_stage = EPOCHS if epochs is None else epochs

    def done(report: "EpochReport") -> int:
        return report.epoch + (first_stage if report.stage > 1 else 0)

    try:
        with progress_bar(first_stage + last_stage) as show:
            result = train_digits(
                path,
                bases=bases,
                seed=seed,
                pretrain_epochs=first_stage,
                epochs=last_stage,
                resume=resume,
                progress=lambda report: show(describe_epoch(report), done(report)),
            )
    except KeyboardInterrupt:
        if state_path(path).is_file():
            note(f"the last whole epoch is kept in {state_path(path)}: go on with --resume")
        raise
    if as_json:
        print_json(
            {"checkpoint": str(result.path), "metrics": {"top1": result.top1}, "seed": seed, "bases": bases}
        )
    else:
        print_result(f"{result.path}: {result.top1:.2%} top-1 on the test images")


def describe_epoch(report: "EpochReport") -> str:
    """One finished epoch in one line."""
    return (
        f"stage {report.stage} of {report.stages} ({report.precision}): "
        f"epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}, accuracy {report.accuracy:.1%}"
    )
