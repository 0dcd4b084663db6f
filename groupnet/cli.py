"""The command line: one verb for each module of this package."""

import typer

from groupnet import (
    app as phone_app,
)
from groupnet import (
    bench,
    compile,
    convert,
    data,
    demo,
    devices,
    doctor,
    emulator,
    evaluate,
    export,
    list_models,
    native,
    rack,
    records,
    report,
    train,
    tune,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A fault of this program shows an ordinary traceback; errors of use never get that far (boundary.py).
    pretty_exceptions_enable=False,
    help="Compile Group-Net binary neural networks for phones, and measure them there.",
)
app.command()(list_models.models)
app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(convert.convert)
app.command()(compile.compile)
app.command()(export.export)
app.add_typer(native.app, name="native")
app.add_typer(tune.app, name=tune.NAME)
app.add_typer(records.app, name="records")
app.command()(rack.tracker)
app.command()(rack.agent)
app.command()(devices.devices)
app.add_typer(emulator.app, name="emulator")
app.command()(bench.bench)
app.command()(evaluate.eval)
app.add_typer(phone_app.app, name="app")
app.command()(report.report)
app.command()(doctor.doctor)
app.command()(demo.demo)


def main() -> None:
    """Entry point of `groupnet`."""
    app()
