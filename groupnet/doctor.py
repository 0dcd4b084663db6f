"""`groupnet doctor`: what is installed, what is missing, and the command that mends it."""

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal, get_args

import typer

from groupnet.boundary import EXIT_ERROR, verb
from groupnet.console import AsJson, print_json, print_result, progress, table

Flow = Literal["host", "phone", "app"]

_REINSTALL = "make setup"
_CROSS_COMPILER = "aarch64-linux-gnu-g++"


@dataclass(frozen=True)
class Check:
    """One thing that a flow needs.

    Attributes:
        flow: `host` is compiling for and running on this machine; `phone` is doing so on (emulated) phones;
            `app` is building the benchmark app.
        name: what is needed.
        ok: whether it is there.
        found: what was found, in a few words.
        mend: the command or step that mends it; empty where nothing is wrong.
    """

    flow: Flow
    name: str
    ok: bool
    found: str
    mend: str = ""


@verb
def doctor(as_json: AsJson = False) -> None:
    """Check what is installed; exit code 2 if not even the host can be compiled for."""
    with progress() as say:
        say("looking around")
        checks = examine()
    ready = {flow: all(check.ok for check in checks if check.flow == flow) for flow in get_args(Flow)}
    # Phones are served and apps are built from this machine: without the host's part there is neither.
    ready = {flow: ok and ready["host"] for flow, ok in ready.items()}
    if as_json:
        checks_as_data = [asdict(check) for check in checks]
        print_json({**{f"{flow}_ready": ok for flow, ok in ready.items()}, "checks": checks_as_data})
    else:
        shown = table("Doctor", "flow", "", "needs", "found", "mend it with")
        for check in checks:
            shown.add_row(check.flow, "ok" if check.ok else "MISSING", check.name, check.found, check.mend)
        print_result(shown)
        print_result("; ".join(f"{flow}: {'ready' if ok else 'not ready'}" for flow, ok in ready.items()))
    if not ready["host"]:
        raise typer.Exit(EXIT_ERROR)


def examine() -> list[Check]:
    """Run every check; a check that cannot even start counts as failed, with the reason."""
    return [
        _guarded("host", "Python 3.11", _python),
        *(
            _guarded("host", f"{package} {release}", _installed(package, release))
            for package, release in _pins()
        ),
        _guarded("host", "TVM with LLVM", _tvm_with_llvm),
        _guarded("host", "PyTorch", lambda: _imports("torch")),
        _guarded("host", "a C++ compiler", _host_compiler),
        _guarded("phone", _CROSS_COMPILER, _cross_compiler),
        *_emulator_checks(),
        _guarded("app", "Android's build tools", _app_tools),
        _guarded("app", "a compiler with musl", _musl),
    ]


def _guarded(flow: Flow, name: str, look: Callable[[], tuple[bool, str, str]]) -> Check:
    # Whatever a broken installation raises while it is looked at is what the user wants to read.
    try:
        ok, found, mend = look()
    except Exception as exc:
        ok, found, mend = False, f"{type(exc).__name__}: {exc}", _REINSTALL
    return Check(flow, name, ok, found, "" if ok else mend)


def _python() -> tuple[bool, str, str]:
    return sys.version_info[:2] == (3, 11), sys.version.split()[0], "make PYTHON=/path/to/python3.11 setup"


def _pins() -> list[tuple[str, str]]:
    """The packages that must be of one exact release, as pyproject.toml pins them."""
    try:
        wanted = requires("groupnet") or []
    except PackageNotFoundError:
        return [("groupnet", "")]
    matches = (re.fullmatch(r"([\w-]+)==([\w.]+)", entry) for entry in wanted)
    return [(match[1], match[2]) for match in matches if match]


def _installed(package: str, release: str) -> Callable[[], tuple[bool, str, str]]:
    def look() -> tuple[bool, str, str]:
        found = version(package)
        # A local suffix, as in 2.13.0+cpu, names the build and not the release.
        return found.split("+")[0] == release, found, _REINSTALL

    return look


def _imports(package: str) -> tuple[bool, str, str]:
    importlib.import_module(package)
    return True, f"imports, {version(package)}", _REINSTALL


def _tvm_with_llvm() -> tuple[bool, str, str]:
    import tvm

    from tvm_schedules.targets import instruction_set, resolve_target

    if not tvm.runtime.enabled("llvm"):
        return False, "TVM without LLVM", _REINSTALL
    target = resolve_target("host")
    return True, f"host is {target.attrs['mcpu']}, kernels for {instruction_set(target).value}", ""


def _host_compiler() -> tuple[bool, str, str]:
    from tvm.support.cc import get_cc

    found = get_cc()
    return found is not None, found or "none on PATH", "apt-get install --no-install-recommends g++"


def _cross_compiler() -> tuple[bool, str, str]:
    found = shutil.which(_CROSS_COMPILER)
    return (
        found is not None,
        found or "none on PATH",
        "apt-get install --no-install-recommends g++-aarch64-linux-gnu",
    )


def _app_tools() -> tuple[bool, str, str]:
    from android_runner.app.toolchain import find_toolchain
    from android_runner.errors import AppBuildError

    try:
        return True, find_toolchain().aapt2, ""
    except AppBuildError as exc:
        return False, str(exc), "make app-tools"


def _musl() -> tuple[bool, str, str]:
    found = importlib.util.find_spec("ziglang") is not None
    mend = "pip install -c constraints.txt 'groupnet[native]', or `make app`"
    return found, "ziglang" if found else "none", mend


def _emulator_checks() -> list[Check]:
    """The emulated phone's own list: one failed check for each sentence of it."""
    name = "the emulated phone's tools"
    try:
        from android_runner.emulator.phone import missing_requirements

        missing = missing_requirements()
    except Exception as exc:
        return [Check("phone", name, False, f"{type(exc).__name__}: {exc}", _REINSTALL)]
    if not missing:
        return [Check("phone", name, True, "complete")]
    return [Check("phone", name, False, "incomplete", sentence) for sentence in missing]
