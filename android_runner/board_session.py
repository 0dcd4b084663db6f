"""A session on a board behind TVM's own RPC server, without what our server adds to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import tvm

from android_runner.adb_routes import BoardRoute
from android_runner.device import LoadedModule, Signatures
from android_runner.elf import check_architecture
from android_runner.errors import DeviceError, ServerError, ThreadsUnavailableError
from android_runner.relax_module import RelaxModule
from android_runner.rpc_executor import RpcExecutor
from android_runner.run_control import Conditions
from android_runner.tunnel_process import TunnelRequest, tunnel_process

_OPEN_TIMEOUT_S = 30.0


class BoardEndpoint:
    """Implements `rpc_endpoint.Endpoint` for TVM's own server."""

    def __init__(self, route: BoardRoute, answer_timeout_s: float) -> None:
        """Take the way there; a connection whose answer is overdue for so long is ended."""
        self.serial = f"rpc:{route.serial}"
        self._route, self._answer_timeout_s = route, answer_timeout_s

    @contextmanager
    def address(self) -> Iterator[tuple[int, str]]:
        """Open a tunnel; see `Endpoint.address`. The server asks for no key."""
        request = TunnelRequest(self._route, self._route.port, _OPEN_TIMEOUT_S, self._answer_timeout_s)
        with tunnel_process(request) as port:
            yield port, ""

    def why_ended(self, what: str) -> DeviceError:
        """See `Endpoint.why_ended`: this server cannot be asked."""
        return ServerError(
            f"Expected {self.serial} to {what}; the session ended; see what the server there says, start it "
            "again if it has ended, and compile the bundle for that processor"
        )


class BoardExecutor(RpcExecutor):
    """An executor on a server that has no lock for measurements: it serves one session at a time."""

    def take_sole_use(self) -> None:
        """Nothing to take; see `Executor.take_sole_use`."""

    def set_threads(self, threads: int) -> None:
        """Set the number of threads; see `Executor.set_threads`."""
        try:
            super().set_threads(threads)
        except ThreadsUnavailableError as exc:
            raise ThreadsUnavailableError(
                f"{exc}, or start its server with TVM_NUM_THREADS={threads}"
            ) from exc


class BoardSession:
    """Implements `android_runner.device.Session` on TVM's own server."""

    conditions: Conditions | None = None

    def __init__(self, executor: RpcExecutor, arch: str, name: str) -> None:
        """Take an open session, the board's architecture and what it is called."""
        self._executor, self._arch, self._name = executor, arch, name
        self._files = (f"module-{number}.so" for number in itertools.count())

    def load(self, module: Path, signatures: Signatures | None = None) -> LoadedModule:
        """Upload and load a module; see `Session.load`. Who may use the server may send what he likes."""
        check_architecture(module, self._arch, self._name)
        rpc, file = self._executor.rpc, next(self._files)

        def upload_and_load() -> tvm.runtime.Module:
            rpc.upload(bytearray(module.read_bytes()), file)
            return rpc.load_module(file)

        loaded = self._executor.call(f"load {module.name}", upload_and_load)
        instruments = BoardInstruments(self._name)
        return RelaxModule(loaded, rpc.cpu(), self._executor, instruments, signatures or {})


class BoardInstruments:
    """Implements `android_runner.relax_module.Instruments`, of which TVM's own server has none."""

    def __init__(self, name: str) -> None:
        """Keep the board's name for errors."""
        self._name = name

    def profile_calls(self, _library: Any, *_arguments: Any) -> NoReturn:
        """Raise ServerError."""
        self._refuse()

    def footprint(self) -> NoReturn:
        """Raise ServerError."""
        self._refuse()

    def ceilings(self, _threads: int) -> None:
        """None; see `Instruments.ceilings`."""

    def _refuse(self) -> NoReturn:
        raise ServerError(
            f"Expected our own server for a profile; {self._name} has TVM's; leave --profile out, or profile "
            "on a phone or on this machine"
        )
