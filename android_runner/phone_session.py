"""A session on a phone: modules go up through the tunnel, are checked there, and run over TVM's RPC."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import tvm.rpc

from android_runner.device import LoadedModule, Signatures
from android_runner.elf import check_architecture
from android_runner.errors import (
    AlteredFileError,
    DeviceError,
    DeviceFullError,
    IllegalInstructionError,
    LinkLostError,
    ServerError,
    ThreadsUnavailableError,
    TransportError,
    TransportTimeoutError,
    WrongTokenError,
)
from android_runner.relax_module import RelaxModule
from android_runner.server import RunningServer, is_running, log_tail
from android_runner.transport import Transport

Result = TypeVar("Result")

_TUNNEL_TIMEOUT_S = 30.0
_LOG_WAIT_S = 3.0
# Mode 1 of runtime.config_threadpool: threads go to the fastest cores first.
_BIG_CORES_FIRST = 1


class PhoneSession:
    """Implements `android_runner.device.Session` over RPC."""

    def __init__(self, transport: Transport, server: RunningServer, arch: str, timeout_s: float) -> None:
        """Open the tunnel and the RPC session; see `Device.session`."""
        self._arch = arch
        self._serial = transport.serial
        self._names = (f"module-{number}.so" for number in itertools.count())
        self._executor = RpcExecutor(transport, server, timeout_s)

    def load(self, module: Path, signatures: Signatures | None = None) -> LoadedModule:
        """Upload, check and load a module; see `Session.load`."""
        check_architecture(module, self._arch, self._serial)
        contents = bytearray(module.read_bytes())
        name = next(self._names)
        rpc = self._executor.rpc

        def upload_and_load() -> tvm.runtime.Module:
            rpc.get_function("groupnet.expect_sha256")(
                name, hashlib.sha256(contents).hexdigest(), len(contents)
            )
            rpc.upload(contents, name)
            return rpc.load_module(name)

        try:
            loaded = self._executor.call(f"load {module.name}", upload_and_load)
        except (AlteredFileError, DeviceFullError):
            # What was refused would only take up space until the session ends.
            self._executor.call("remove a file", lambda: rpc.remove(name))
            raise
        return RelaxModule(loaded, rpc.cpu(), self._executor, signatures or {})

    def close(self) -> None:
        """End the RPC session and the tunnel."""
        self._executor.close()


class RpcExecutor:
    """Makes RPC calls under a time limit, and says in our words what went wrong.

    TVM's client waits on its socket without any limit, sometimes with Python's global lock held. The socket
    leads to our tunnel, whose process ends it when an answer is overdue; the session cannot go on after that.
    """

    def __init__(self, transport: Transport, server: RunningServer, timeout_s: float) -> None:
        """Connect to the server; no call takes longer than ``timeout_s``."""
        self._transport = transport
        self._server = server
        self._timeout_s = timeout_s
        self._failure: DeviceError | None = None
        self._tunnel = ExitStack()
        tunnel = transport.tunnel(server.port, timeout_s=_TUNNEL_TIMEOUT_S, answer_timeout_s=timeout_s)
        port = self._tunnel.enter_context(tunnel)
        try:
            self.rpc = self.call(
                "open a session", lambda: tvm.rpc.connect("127.0.0.1", port, key=server.token)
            )
        except BaseException:
            self._tunnel.close()
            raise

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Make a call; see `Executor.call`."""
        if self._failure is not None:
            raise self._failure
        started_s = time.monotonic()
        try:
            return function()
        except DeviceError:
            raise
        except Exception as exc:  # TVM raises many kinds; they are told apart by what they say
            raise self._explain(what, exc, time.monotonic() - started_s) from exc
        except BaseException:
            # Interrupted within a call: the two ends no longer agree on what comes next.
            self._tunnel.close()
            raise

    def set_threads(self, threads: int) -> None:
        """Set the size of the session's thread pool; see `Executor.set_threads`."""

        def configure() -> int:
            self.rpc.get_function("runtime.config_threadpool")(_BIG_CORES_FIRST, threads)
            return int(self.rpc.get_function("runtime.NumThreads")())

        used = self.call("set the number of threads", configure)
        if used != threads:
            raise ThreadsUnavailableError(
                f"Expected {threads} threads on {self._transport.serial}; its runtime takes {used}; "
                f"ask for {used}"
            )

    def close(self) -> None:
        """End the connection."""
        del self.rpc
        self._tunnel.close()

    def _explain(self, what: str, exc: Exception, took_s: float) -> DeviceError:
        text = str(exc)
        serial = self._transport.serial
        if "cannot find server that matches key" in text:
            return WrongTokenError(
                f"Expected the server on {serial} to accept our token; it does not; start a new session"
            )
        if "Error caught from RPC call" in text:
            return _explain_remote(what, serial, text)
        if took_s >= self._timeout_s:
            self._failure = TransportTimeoutError(
                f"Expected {serial} to {what} within {self._timeout_s:g} s; it did not; allow more time"
            )
        else:
            self._failure = self._explain_end(what)
        return self._failure

    def _explain_end(self, what: str) -> DeviceError:
        """Find out from the server's log why the connection ended."""
        serial = self._transport.serial
        try:
            give_up_at = time.monotonic() + _LOG_WAIT_S
            # The server notices the end of a session a moment after we do.
            while "session" not in (log := log_tail(self._transport, self._server)):
                if not is_running(self._transport, self._server):
                    return ServerError(
                        f"Expected {serial} to {what}; its server was ended from outside; start a new session"
                    )
                if time.monotonic() > give_up_at:
                    break
                time.sleep(0.05)
        except TransportError as exc:
            return LinkLostError(f"Expected {serial} to {what}; the link was lost: {exc}")
        last = log.strip().splitlines()[-1] if log.strip() else "the server said nothing"
        if "killed by signal 4 " in log:
            return IllegalInstructionError(
                f"Expected {serial} to {what}; its cores lack an instruction the module uses; "
                "compile the model for this phone's target"
            )
        return ServerError(f"Expected {serial} to {what}; the session ended: {last}; start a new session")


def _explain_remote(what: str, serial: str, text: str) -> DeviceError:
    if "groupnet: file truncated" in text:
        return DeviceFullError(
            f"Expected {serial} to {what}; its disk is full; free some space in /data/local/tmp"
        )
    if "groupnet: file altered" in text or "groupnet: file missing" in text:
        return AlteredFileError(
            f"Expected {serial} to {what}; the file there is not the one that was sent; try again"
        )
    reason = text.strip().splitlines()[-1]
    return ServerError(f"Expected {serial} to {what}; its runtime said: {reason}")
