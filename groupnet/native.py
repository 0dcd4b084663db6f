"""`groupnet native`: an executable that checks and times models without Python or TVM."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from groupnet.boundary import verb
from groupnet.bundle import sha256_of
from groupnet.compile import describe_target
from groupnet.console import AsJson, note, print_json, print_result, progress
from groupnet.native_models import exported_models

if TYPE_CHECKING:
    from android_runner.native_build import Libc

app = typer.Typer(no_args_is_help=True, help="An executable that times models without Python or TVM.")


@app.callback()
def native() -> None:
    """Make `native` a group of verbs, although it has one."""


@app.command()
@verb
def build(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Zoo names, files, bundles, or exports.", show_default="the whole zoo"),
    ] = None,
    target: Annotated[str, typer.Option(help="As for `compile`.")] = "host",
    out: Annotated[Path, typer.Option(help="The executable.")] = Path("groupnet_bench"),
    libc: Annotated[
        Literal["musl", "glibc"] | None,
        typer.Option(help="The C library; apps need musl.", show_default="musl for arm64 if installed"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build groupnet_bench, one executable with models inside; docs/native.md says what it does."""
    with progress() as say:
        result = build_executable(models or zoo_names(), target, out, libc=libc, say=say)
    if as_json:
        print_json(result)
        return
    print_result(
        f"{result['executable']}: {', '.join(result['models'])} for {target}, "
        f"{result['bytes'] / 1e6:.2f} MB, {result['libc']}{' static' if result['static'] else ''}"
    )


def zoo_names() -> list[str]:
    """Every trained network."""
    from models.zoo import entries

    return [entry.name for entry in entries()]


def build_executable(
    models: Sequence[str],
    target: str,
    out: Path,
    *,
    libc: "Libc | None" = None,
    say: Callable[[str], None] = note,
) -> dict[str, Any]:
    """Build `groupnet_bench`; what is returned is what `native build --json` prints.

    Args:
        models: what `groupnet export` takes, or folders that it wrote for this target.
        target: as for `compile`.
        out: the file, replaced as a whole.
        libc: see `android_runner.native_build.find_compiler`.
        say: called with each step's name.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError, DeviceError: see their trees.
    """
    from android_runner.native_build import build_native, find_compiler
    from tvm_schedules.targets import resolve_target

    compiler = find_compiler(describe_target(target, resolve_target(target)).arch, libc)
    with tempfile.TemporaryDirectory(prefix="groupnet-native-") as folder:
        found = exported_models(models, target, Path(folder), say)
        say("compiling groupnet_bench")
        build_native(found, out, target=target, compiler=compiler)
    return {
        "executable": str(out),
        "models": [model.name for model in found],
        "target": target,
        "libc": compiler.libc,
        "static": compiler.static,
        "bytes": out.stat().st_size,
        "sha256": sha256_of(out),
    }
