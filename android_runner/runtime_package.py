"""The device runtime: TVM's own arm64 libraries of the installed release, our server, and the C library.

Nothing of TVM is compiled here: the official arm64 wheels hold the runtime of the very release that builds
the modules. With the cross compiler's C library and its loader beside it, the folder runs on any arm64 Linux
kernel, Android's included.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from android_runner.errors import RuntimeBuildError
from android_runner.runtime_cache import cached_folder, default_cache_dir

Progress = Callable[[str], None]

SERVER_NAME = "server"
LOADER_NAME = "ld-linux-aarch64.so.1"

_WHEEL_LIBRARIES = {"apache-tvm": "tvm/lib/libtvm_runtime.so", "apache-tvm-ffi": "tvm_ffi/lib/libtvm_ffi.so"}
# What those libraries and compiled modules need; libdl and libpthread are empty shells in a recent glibc.
_SYSTEM_LIBRARIES = (
    LOADER_NAME,
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)
_COMPILER = "aarch64-linux-gnu-g++"
# Baseline Armv8-A, so that the server itself runs on every 64-bit phone.
_COMPILER_FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-march=armv8-a", "-s")
_WHEEL_PLATFORM = "manylinux_2_28_aarch64"
_DOWNLOAD_TIMEOUT_S = 600.0
_COMPILE_TIMEOUT_S = 300.0
_SOURCES = Path(__file__).parent / "device_server"


@dataclass(frozen=True)
class RuntimePackage:
    """A folder that serves RPC on an arm64 device.

    Attributes:
        folder: Where it lies on this machine.
        files: The sha256 of each file in it, in hexadecimal, by name.
        content_hash: The sha256 over names and contents; devices keep one copy of each.
    """

    folder: Path
    files: dict[str, str]
    content_hash: str


def device_runtime(cache_dir: Path | None = None, progress: Progress | None = None) -> RuntimePackage:
    """Return the runtime for arm64 devices, downloading and compiling what the cache does not hold.

    Args:
        cache_dir: Where to keep it; this project's cache folder where None.
        progress: Called with one sentence before each slow step.

    Raises:
        RuntimeBuildError: A download failed, or the cross compiler or its C library is missing.
    """
    cache_dir = cache_dir or default_cache_dir()
    say = progress or (lambda _: None)
    versions = {name: _installed_version(name) for name in _WHEEL_LIBRARIES}
    label = "-".join(versions.values())
    libraries = cached_folder(
        cache_dir / f"tvm-libraries-{label}", lambda folder: _download_libraries(folder, versions, say)
    )
    runtime = cached_folder(
        cache_dir / f"device-runtime-{label}-{_recipe_hash()}",
        lambda folder: _assemble(folder, libraries, say),
    )
    return describe_runtime(runtime)


def describe_runtime(folder: Path) -> RuntimePackage:
    """Return the names, checksums and content hash of a runtime folder."""
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    listing = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    return RuntimePackage(folder, files, hashlib.sha256(listing.encode()).hexdigest())


def _download_libraries(folder: Path, versions: dict[str, str], say: Progress) -> None:
    with tempfile.TemporaryDirectory() as downloads:
        for name, version in versions.items():
            say(f"Downloading {name} {version} for arm64")
            wheel = _download_wheel(name, version, Path(downloads))
            member = _WHEEL_LIBRARIES[name]
            try:
                with zipfile.ZipFile(wheel) as archive:
                    (folder / Path(member).name).write_bytes(archive.read(member))
            except (KeyError, zipfile.BadZipFile) as exc:
                raise RuntimeBuildError(
                    f"Expected {member} in {wheel.name}; got {exc}; install the release in constraints.txt"
                ) from exc


def _download_wheel(name: str, version: str, folder: Path) -> Path:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    options += ["--platform", _WHEEL_PLATFORM, "--python-version", python]
    _run(
        [sys.executable, "-m", "pip", "download", *options, f"{name}=={version}"],
        f"Downloading {name} {version} for arm64",
        "check the network and pip's settings",
        _DOWNLOAD_TIMEOUT_S,
    )
    return next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))


def _assemble(folder: Path, libraries: Path, say: Progress) -> None:
    say("Compiling the device server")
    for library in libraries.iterdir():
        shutil.copyfile(library, folder / library.name)
    for name in _SYSTEM_LIBRARIES:
        shutil.copyfile(_system_library(name), folder / name)
    # The runtime registers its functions when it is loaded; nothing in our code names its symbols.
    link = [f"-L{folder}", "-Wl,--no-as-needed", "-ltvm_runtime", "-ltvm_ffi"]
    output = [f"-Wl,-rpath-link,{folder}", "-o", str(folder / SERVER_NAME)]
    _run(
        [*compile_command(), *link, *output],
        "Compiling the device server",
        "check the cross compiler",
        _COMPILE_TIMEOUT_S,
    )
    for path in folder.iterdir():
        path.chmod(0o755)


def compile_command() -> list[str]:
    """Return the cross compiler's command line up to and including the server's sources.

    Raises:
        RuntimeBuildError: There is no cross compiler.
    """
    import tvm_ffi.libinfo  # it loads a library, which listing devices does not need

    includes = [tvm_ffi.libinfo.find_include_path(), tvm_ffi.libinfo.find_dlpack_include_path()]
    # As system headers, so that warnings are about our code.
    options = [option for path in includes for option in ("-isystem", str(path))]
    return [_compiler(), *_COMPILER_FLAGS, *options, *map(str, sorted(_SOURCES.glob("*.cc")))]


def _recipe_hash() -> str:
    """Hash everything but the wheels that decides what the runtime folder holds."""
    digest = hashlib.sha256(repr((_SYSTEM_LIBRARIES, _COMPILER_FLAGS)).encode())
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    digest.update(_compiler_version().encode())
    return digest.hexdigest()[:16]


def _compiler() -> str:
    path = shutil.which(_COMPILER)
    if path is None:
        raise RuntimeBuildError(
            f"Expected the cross compiler {_COMPILER}; it is not installed; "
            "run `apt-get install g++-aarch64-linux-gnu`"
        )
    return path


@cache
def _compiler_version() -> str:
    return _run([_compiler(), "--version"], "Asking the cross compiler's version", "reinstall it", 30.0)


def _system_library(name: str) -> Path:
    # The compiler answers with the bare name where it knows no such file.
    found = Path(
        _run([_compiler(), f"-print-file-name={name}"], f"Looking for {name}", "reinstall it", 30.0).strip()
    )
    if not found.is_absolute():
        raise RuntimeBuildError(
            f"Expected the arm64 library {name} beside {_COMPILER}; it is missing; "
            "run `apt-get install --reinstall g++-aarch64-linux-gnu`"
        )
    return found


def _installed_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as exc:
        raise RuntimeBuildError(f"Expected {name} to be installed; it is not; run `make setup`") from exc


def _run(command: list[str], doing: str, remedy: str, timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as exc:
        raise RuntimeBuildError(f"{doing} took longer than {timeout_s:g} s; {remedy}") from exc
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()[-1]
        raise RuntimeBuildError(f"{doing} failed ({said}); {remedy}")
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
