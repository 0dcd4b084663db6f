"""The device server built for this machine, so that RPC and tunnel can be timed beside real compute."""

import gc
import json
import platform
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import android_runner
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.errors import DeviceError, ServerError
from android_runner.host_device import HostDevice
from android_runner.phone_session import PhoneSession
from benchmarks.build_tool import run_tool
from groupnet.bundle import Bundle
from groupnet.running import describe_device
from groupnet.scoring.places import Place, loaded_place, tensor_types

_LIMIT_S = 120.0
_MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class NativeServer:
    """A running server; `key` opens a session at `port` of the loopback."""

    port: int
    key: str


@contextmanager
def native_server() -> Iterator[NativeServer]:
    """Build the server with this machine's compiler, and run it until the block ends.

    Raises:
        BenchmarkError: there is no compiler, or the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="groupnet-server-") as text:
        folder, key = Path(text), secrets.token_hex(16)
        run_tool([*_compile_command(), "-o", folder / "server"], package="g++")
        work = folder / "work"
        work.mkdir(mode=0o700)
        (work / "token").touch(mode=0o600)
        (work / "token").write_text(key)
        options = ["--idle-s", "600", "--session-limit-s", "3600", "--memory-limit-bytes", str(_MEMORY_BYTES)]
        ready = json.loads(run_tool([folder / "server", "--folder", work, *options], package="g++"))
        try:
            yield NativeServer(int(ready["port"]), key)
        finally:
            subprocess.run(["kill", str(ready["pid"])], check=False, timeout=30)


def _compile_command() -> list[str | Path]:
    import tvm
    import tvm_ffi.libinfo

    sources = Path(android_runner.__file__).parent / "device_server"
    command: list[str | Path] = ["g++", "-std=c++17", "-O2", "-pthread", *sorted(sources.glob("*.cc"))]
    for include in (tvm_ffi.libinfo.find_include_path(), tvm_ffi.libinfo.find_dlpack_include_path()):
        command += ["-isystem", include]
    libraries = (Path(tvm.__file__).parent / "lib", Path(tvm_ffi.libinfo.find_libtvm_ffi()).parent)
    for folder in libraries:
        command += [f"-L{folder}", f"-Wl,-rpath,{folder}"]
    # The runtime registers its functions when it is loaded; nothing in our code names its symbols.
    return [*command, "-Wl,--no-as-needed", "-ltvm_runtime", "-ltvm_ffi"]


@dataclass
class NativeEndpoint:
    """Implements `rpc_endpoint.Endpoint`; a `transport` leads through its ADB tunnel, else it is direct."""

    server: NativeServer
    transport: AdbShellTransport | None = None
    serial: str = "native"

    @contextmanager
    def address(self) -> Iterator[tuple[int, str]]:
        """See `Endpoint.address`."""
        with ExitStack() as stack:
            port = self.server.port
            if self.transport is not None:
                tunnel = self.transport.tunnel(port, timeout_s=_LIMIT_S, answer_timeout_s=_LIMIT_S)
                port = stack.enter_context(tunnel)
            yield port, self.server.key

    def why_ended(self, what: str) -> DeviceError:
        """See `Endpoint.why_ended`."""
        return ServerError(f"Expected the server of this machine to {what}; the session ended; run it again")


@contextmanager
def native_session(endpoint: NativeEndpoint) -> Iterator[PhoneSession]:
    """A session on the server."""
    session = PhoneSession(endpoint, platform.machine(), _LIMIT_S)
    try:
        yield session
    finally:
        session.close()
        # A phone's tunnel ends the connection; this one lasts as long as anything refers to it, cycles too.
        gc.collect()


@dataclass(frozen=True)
class NativeOpener:
    """Implements `places.PlaceOpener` on the server."""

    bundle: Bundle
    endpoint: NativeEndpoint

    @contextmanager
    def open(self) -> Iterator[Place]:
        """See `PlaceOpener.open`."""
        about: dict[str, Any] = describe_device(HostDevice().info())
        with native_session(self.endpoint) as session:
            module = session.load(self.bundle.module, {"main": tensor_types(self.bundle)[0]})
            with loaded_place(self.bundle, module, "native", about, 1) as place:
                yield place

    def stop(self) -> None:
        """See `PlaceOpener.stop`."""
