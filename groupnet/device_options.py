"""The option of verbs that use a phone: how it is reached."""

from typing import Annotated

import typer

Transport = Annotated[
    str | None,
    typer.Option(
        help="To a phone: adb-shell (straight, over TCP or USB) or adbutils (through the adb server).",
        show_default="what leads to it",
    ),
]


def reached_through(device: str, transport: str | None) -> str:
    """Return the device's name with the transport in it, as `open_device` takes it; raises DeviceError."""
    from android_runner.devices import through

    return through(device, transport)
