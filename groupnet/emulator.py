"""`groupnet emulator`: start, stop and look at the emulated phone."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress, table

if TYPE_CHECKING:
    from android_runner.emulator.phone import EmulatedPhone

app = typer.Typer(no_args_is_help=True, help="Start, stop and look at the emulated phone.")

Name = Annotated[str, typer.Option(help="Which phone, where several run at once.")]


@app.command()
@verb
def start(
    cpu: Annotated[
        str, typer.Option(help="The core to emulate: cortex-a53, cortex-a76 or max.")
    ] = "cortex-a76",
    name: Name = "default",
    as_json: AsJson = False,
) -> None:
    """Start a phone, unless one of that name and core runs already."""
    from android_runner.emulator.phone import start_phone

    with progress() as say:
        say(f"starting the emulated phone '{name}'")
        phone = start_phone(cpu=cpu, name=name)
    _show(_described(name, phone), as_json)


@app.command()
@verb
def stop(name: Name = "default", as_json: AsJson = False) -> None:
    """Stop a phone and everything that runs on it."""
    from android_runner.emulator.phone import stop_phone

    stopped = stop_phone(name)
    if as_json:
        print_json({"name": name, "stopped": stopped})
    else:
        note(f"phone '{name}' stopped" if stopped else f"no phone '{name}' was running")


@app.command()
@verb
def status(name: Name = "default", as_json: AsJson = False) -> None:
    """Say whether a phone runs, and how to reach it."""
    from android_runner.emulator.phone import running_phone

    phone = running_phone(name)
    if phone is None:
        _show({"name": name, "running": False}, as_json)
    else:
        _show(_described(name, phone), as_json)


def _described(name: str, phone: "EmulatedPhone") -> dict[str, Any]:
    return {
        "name": name,
        "running": True,
        "serial": phone.serial,
        "cpu": phone.cpu,
        "pid": phone.pid,
        "root": str(phone.root),
    }


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    shown = table("Emulated phone", "", "")
    for key, value in result.items():
        shown.add_row(key, str(value))
    if result["running"]:
        shown.add_row(
            "use it as", "--device emulator" if result["name"] == "default" else f"adb:{result['serial']}"
        )
    print_result(shown)
