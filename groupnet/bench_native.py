"""`groupnet bench --runtime aot`: the bundle's model as an executable without TVM, timed where it runs."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupnet.bench_result import describe_latency
from groupnet.bundle import MANIFEST, Bundle, check_architecture
from groupnet.errors import BundleFormatError, OptionsError
from groupnet.export import read_order
from groupnet.host_features import check_host_features
from groupnet.model_source import Request
from groupnet.native_models import export_order
from groupnet.running import EMULATED, describe_device

if TYPE_CHECKING:
    from android_runner.native_build import Compiler

_EXECUTABLE = "groupnet_bench"


@dataclass(frozen=True)
class HowNative:
    """How to time; None leaves it to the program.

    Attributes:
        threads: threads on the device.
        runs: timed runs.
        cores: which cores the threads are tied to; None: the system decides.
        db: the tuning records that the bundle was compiled with.
        emulated_runs: timed runs, and runs of warm-up, where times are no latencies.
    """

    threads: int = 1
    runs: int | None = None
    cores: str | None = None
    db: Path | None = None
    emulated_runs: int = 5


def run_bench_native(
    bundle: Bundle, device: str, how: HowNative, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Build, check and time; what is returned is what `bench --json` prints.

    Raises:
        BundleError, ModelSourceError: the bundle's model cannot be compiled again as it was.
        DeviceError: the executable cannot be built, does not run there, or computes other numbers than
            PyTorch.
    """
    from android_runner.board_device import BoardDevice
    from android_runner.devices import open_device
    from android_runner.native_run import NativeOptions, run_native

    opened = open_device(device)
    if isinstance(opened, BoardDevice):
        raise OptionsError(
            f"expected --runtime aot on this machine or a phone; got {device}: copy the executable of "
            "`groupnet native build` there and run it"
        )
    info = opened.info()
    check_architecture(bundle, device=info.name, arch=info.arch)
    if info.kind == "host":
        check_host_features(bundle)
    executable = native_executable(bundle, how.db, say)
    few = how.emulated_runs if info.emulated else None
    options = NativeOptions(how.threads, how.runs or few, few, how.cores, profile=True)
    say(f"checking and timing {bundle.manifest.name} on {info.name}")
    told = run_native(opened, executable, options.words(bundle.manifest.name))
    return {
        "bundle": str(bundle.path),
        "name": bundle.manifest.name,
        "target": bundle.manifest.target.text,
        "runtime": "aot",
        "device": describe_device(info),
        "verified": None,
        "checked": told["check"],
        "threads": told["threads"],
        "cores": told["cores"],
        "warmup": told["warmup"]["runs"],
        "warmup_stable": told["warmup"]["stable"],
        "latency_ms": describe_latency(told["latency_ms"]["samples"]),
        "note": EMULATED if info.emulated else None,
        "confidence": None,
        "confidence_reached": None,
        "throttling": None if info.kind == "host" else told["throttling"],
        "create_ms": told["create_ms"],
        "memory": told["memory"],
        "calls": told["profile"],
        "build": told["build"],
    }


def native_executable(bundle: Bundle, db: Path | None, say: Callable[[str], None]) -> Path:
    """The executable of a bundle's model, out of the cache or built; raises as `run_bench_native`."""
    from android_runner.native_build import build_native, find_compiler
    from android_runner.runtime_cache import cached_folder, default_cache_dir

    compiler = find_compiler(bundle.manifest.target.arch)

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="groupnet-native-") as name:
            order = read_order(Request(str(bundle.path)), None, None)
            try:
                model = export_order(order, Path(name) / "model.c", say, db=db)
            except BundleFormatError:
                if db is not None:
                    raise
                say("those are not the bundle's kernels: once more without the tuning records shipped")
                model = export_order(order, Path(name) / "untuned.c", say, untuned=True)
            say("compiling groupnet_bench")
            build_native([model], folder / _EXECUTABLE, target=order.target, compiler=compiler)

    return cached_folder(default_cache_dir() / f"native-{_key(bundle, db, compiler)}", fill) / _EXECUTABLE


def _key(bundle: Bundle, db: Path | None, compiler: "Compiler") -> str:
    """A name for all that decides what the executable is; the manifest has releases and checksums."""
    from android_runner.native_build import FLAGS, SOURCES
    from frontend.c_export.export import RUNTIME

    digest = hashlib.sha256(repr((FLAGS, compiler)).encode())
    digest.update((bundle.path / MANIFEST).read_bytes())
    folders = [SOURCES, RUNTIME, RUNTIME.parent, *([db] if db else [])]
    for folder in folders:
        for source in sorted(path for path in folder.iterdir() if path.is_file()):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]
