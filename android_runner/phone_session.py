"""A session on a phone: modules go up through the tunnel, are checked there, and run over TVM's RPC."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import tvm

from android_runner.call_profile import (
    PROFILE_CALLS,
    CoreCeilings,
    Footprint,
    parse_ceilings,
    parse_footprint,
)
from android_runner.device import LoadedModule, Signatures
from android_runner.elf import check_architecture
from android_runner.errors import AlteredFileError, DeviceError, DeviceFullError
from android_runner.relax_module import RelaxModule
from android_runner.rpc_endpoint import Endpoint
from android_runner.rpc_executor import RpcExecutor
from android_runner.run_control import Conditions

Result = TypeVar("Result")


class PhoneSession:
    """Implements `android_runner.device.Session` over RPC."""

    def __init__(
        self, endpoint: Endpoint, arch: str, timeout_s: float, conditions: Conditions | None = None
    ) -> None:
        """Open the tunnel and the RPC session; see `Device.session`."""
        self.conditions: Conditions | None = conditions
        self._arch = arch
        self._serial = endpoint.serial
        self._names = (f"module-{number}.so" for number in itertools.count())
        self._executor = RpcExecutor(endpoint, timeout_s)

    @property
    def processor(self) -> Any:
        """The phone's processor as TVM's tensors name it."""
        return self._executor.rpc.cpu()

    @property
    def failure(self) -> DeviceError | None:
        """What ended the session; None while it can go on."""
        return self._executor.failure

    def load(self, module: Path, signatures: Signatures | None = None) -> LoadedModule:
        """Upload, check and load a module; see `Session.load`."""
        return RelaxModule(
            self.load_library(module),
            self.processor,
            self._executor,
            ServerInstruments(self._executor),
            signatures or {},
        )

    def load_library(self, library: Path, *, keep_file: bool = True) -> tvm.runtime.Module:
        """Upload, check and load a library; raises what `load` does.

        Args:
            library: The shared library.
            keep_file: Whether its file stays on the phone, which a library once loaded needs no more.
        """
        check_architecture(library, self._arch, self._serial)
        contents = bytearray(library.read_bytes())
        name = next(self._names)
        rpc = self._executor.rpc

        def upload_and_load() -> tvm.runtime.Module:
            rpc.get_function("groupnet.expect_sha256")(
                name, hashlib.sha256(contents).hexdigest(), len(contents)
            )
            rpc.upload(contents, name)
            return rpc.load_module(name)

        try:
            loaded = self._executor.call(f"load {library.name}", upload_and_load)
        except (AlteredFileError, DeviceFullError):
            # What was refused would only take up space until the session ends.
            self._remove(name)
            raise
        if not keep_file:
            self._remove(name)
        return loaded

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Make an RPC call under the time limit; raises DeviceError."""
        return self._executor.call(what, function)

    def take_sole_use(self) -> None:
        """Have the phone for this session's measurements alone; see `Executor.take_sole_use`."""
        self._executor.take_sole_use()

    def set_threads(self, threads: int) -> None:
        """Let kernels use ``threads`` threads from now on; see `LoadedModule.set_threads`."""
        self._executor.set_threads(threads)

    def close(self) -> None:
        """End the RPC session and the tunnel."""
        self._executor.close()

    def _remove(self, name: str) -> None:
        self._executor.call("remove a file", lambda: self._executor.rpc.remove(name))


class ServerInstruments:
    """Implements `android_runner.relax_module.Instruments` by the functions of our server."""

    def __init__(self, executor: RpcExecutor) -> None:
        """Keep the session that the functions are called in."""
        self._executor = executor

    def profile_calls(self, library: tvm.runtime.Module, *arguments: Any) -> str:
        """Call it; see `Instruments.profile_calls`."""
        return str(self._executor.rpc.get_function(PROFILE_CALLS)(library, *arguments))

    def footprint(self) -> Footprint:
        """Ask the server; see `Instruments.footprint`."""
        return parse_footprint(str(self._executor.rpc.get_function("groupnet.footprint")()))

    def ceilings(self, threads: int) -> CoreCeilings | None:
        """Ask the server; see `Instruments.ceilings`."""
        measure = self._executor.own_function("ceilings")
        return None if measure is None else parse_ceilings(str(measure(threads)))
