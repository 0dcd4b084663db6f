"""`groupnet app`: builds the benchmark app, brings it to a phone, and fetches its results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result, progress
from groupnet.errors import OutputFolderError

if TYPE_CHECKING:
    from android_runner.phone_device import PhoneDevice

app = typer.Typer(no_args_is_help=True, help="Build the benchmark app, install it, and fetch its results.")

APK = Path("groupnet.apk")
Device = Annotated[str, typer.Option(help="emulator or adb:SERIAL.")]


@app.command()
@verb
def build(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models inside, as for `export`.", show_default="the zoo")
    ] = None,
    out: Annotated[Path, typer.Option(help="The APK.")] = APK,
    target: Annotated[
        str, typer.Option(help="As for `compile`; phones without it refuse the models in the app.")
    ] = "arm64",
    executable: Annotated[
        Path | None, typer.Option(help="A groupnet_bench for arm64, built before.", show_default="built now")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="The key to sign with, made where there is none.", show_default="this user's own"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the APK, with Debian's Android tools or the SDK of ANDROID_HOME."""
    import tempfile

    from android_runner.app.build import AppOrder, build_app
    from android_runner.app.toolchain import find_toolchain
    from groupnet.app_test_sets import test_set_assets
    from groupnet.native import build_executable, zoo_names

    tools = find_toolchain()  # a missing tool is said before the models are compiled
    if out.is_dir():
        raise OutputFolderError(
            f"expected a file to write the APK to; got the folder {out}: name a file in it"
        )
    names = models or zoo_names()
    with progress() as say, tempfile.TemporaryDirectory(prefix="groupnet-app-") as folder:
        program = executable or Path(folder) / "groupnet_bench"
        if executable is None:
            build_executable(names, target, program, libc="musl", say=say)
        say("drawing the test pictures")
        assets = test_set_assets(names)
        built = build_app(AppOrder(program, assets, key), out, tools=tools, say=say)
    if as_json:
        print_json({"apk": str(out), "bytes": built.bytes, "sha256": built.sha256, "version": built.version})
        return
    print_result(f"{out}: {built.bytes / 1e6:.2f} MB, SHA-256 {built.sha256}")


@app.command()
@verb
def install(
    device: Device,
    apk: Annotated[Path, typer.Option(help="The APK that `app build` wrote.")] = APK,
    as_json: AsJson = False,
) -> None:
    """Install the app on a phone and start it."""
    from android_runner.app.on_phone import install_app, start_app

    if not apk.is_file():
        raise OutputFolderError(
            f"expected an APK at {apk}; there is none: run `groupnet app build --out {apk}`"
        )
    with progress() as say, _phone(device).transport() as transport:
        install_app(transport, apk, say=say)
        start_app(transport)
    if as_json:
        print_json({"apk": str(apk), "device": device})
        return
    print_result(f"{apk} is installed on {device} and open there: choose models and tap 'Measure'")


@app.command()
@verb
def results(
    device: Device,
    out: Annotated[Path, typer.Option(help="The folder to copy them to.")] = Path("app-results"),
    as_json: AsJson = False,
) -> None:
    """Fetch what the app kept on a phone, for `groupnet report`."""
    from android_runner.app.on_phone import fetch_records

    with progress() as say, _phone(device).transport() as transport:
        say(f"fetching results from {device}")
        fetched = fetch_records(transport, out)
    if as_json:
        print_json({"device": device, "files": [str(path) for path in fetched]})
        return
    for path in fetched:
        print_result(str(path))


def _phone(name: str) -> "PhoneDevice":
    from android_runner.devices import open_device
    from android_runner.errors import NoSuchDeviceError
    from android_runner.phone_device import PhoneDevice

    device = open_device(name)
    if not isinstance(device, PhoneDevice):
        raise NoSuchDeviceError(
            f"Expected a phone, emulator or adb:SERIAL; got '{name}'; apps run on phones only"
        )
    return device
