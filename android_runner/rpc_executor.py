"""RPC calls under a time limit, and what went wrong with one in our words."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import tvm
import tvm.rpc

from android_runner.batches import Batches, Rows, RpcBatches
from android_runner.errors import (
    AlteredFileError,
    DeviceError,
    DeviceFullError,
    DeviceMemoryError,
    ServerError,
    ThreadsUnavailableError,
    TransportTimeoutError,
    WrongTokenError,
    unraised,
)
from android_runner.rpc_endpoint import Endpoint
from android_runner.sole_use import wait_for_sole_use

Result = TypeVar("Result")

_TAKE_SOLE_USE = "groupnet.take_sole_use"

# Mode 1 of runtime.config_threadpool: threads go to the fastest cores first.
_BIG_CORES_FIRST = 1


class RpcExecutor:
    """Makes RPC calls under a time limit, and says in our words what went wrong.

    TVM's client waits on its socket without any limit, sometimes with Python's global lock held. The socket
    leads to a tunnel, whose process ends it when an answer is overdue; the session cannot go on after that.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        """Connect to the server; no call takes longer than ``timeout_s``, for which the endpoint cares."""
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._threads = 0
        self._sole_use = False
        self.failure: DeviceError | None = None
        """What ended the session; None while it can go on."""
        self._tunnel = ExitStack()
        port, key = self._tunnel.enter_context(endpoint.address())
        try:
            self.rpc = self.call("open a session", lambda: tvm.rpc.connect("127.0.0.1", port, key=key))
        except BaseException:
            self._tunnel.close()
            raise

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Make a call; see `Executor.call`."""
        if self.failure is not None:
            raise unraised(self.failure)
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
        if threads == self._threads:
            return

        def configure() -> int:
            if (set_threads := self.own_function("set_threads")) is not None:
                return int(set_threads(threads))
            self.rpc.get_function("runtime.config_threadpool")(_BIG_CORES_FIRST, threads)
            return int(self.rpc.get_function("runtime.NumThreads")())

        used = self._threads = self.call("set the number of threads", configure)
        if used != threads:
            raise ThreadsUnavailableError(
                f"Expected {threads} threads on {self._endpoint.serial}; its runtime takes {used}; "
                f"ask for {used}"
            )

    def take_sole_use(self) -> None:
        """Have the device for this session's measurements alone; see `Executor.take_sole_use`."""
        if self._sole_use:
            return

        def take() -> bool | None:
            return self.rpc.get_function(_TAKE_SOLE_USE)() or None

        wait_for_sole_use(lambda: self.call("be measured on", take), self._endpoint.serial)
        self._sole_use = True

    def own_function(self, name: str) -> Any:
        """A function of our server; None where the session is of another one, such as TVM's own."""
        try:
            return self.rpc.get_function(f"groupnet.{name}")
        except AttributeError:
            return None

    def open_batches(
        self, machine: tvm.runtime.Module, function: str, rows: Rows, threads: int
    ) -> Batches | None:
        """Open batches on the server; see `Executor.open_batches`."""
        self.set_threads(threads)  # reads back that there are so many; the batches' thread has its own pool
        if self.call("look for batches", lambda: self.own_function("batches_open")) is None:
            return None
        return RpcBatches(self.call, self.rpc, machine, function, rows, threads)

    def close(self) -> None:
        """End the connection."""
        del self.rpc
        self._tunnel.close()

    def _explain(self, what: str, exc: Exception, took_s: float) -> DeviceError:
        text = str(exc)
        serial = self._endpoint.serial
        if "cannot find server that matches key" in text:
            return WrongTokenError(
                f"Expected the server on {serial} to accept our token; it does not; start a new session"
            )
        if "Error caught from RPC call" in text:
            return _explain_remote(what, serial, text)
        if took_s >= self._timeout_s:
            failure: DeviceError = TransportTimeoutError(
                f"Expected {serial} to {what} within {self._timeout_s:g} s; it did not; allow more time"
            )
        else:
            failure = self._endpoint.why_ended(what)
        self.failure = unraised(failure)
        return failure


def _explain_remote(what: str, serial: str, text: str) -> DeviceError:
    if "groupnet: file truncated" in text:
        return DeviceFullError(
            f"Expected {serial} to {what}; its disk is full; free some space in /data/local/tmp"
        )
    if "groupnet: file altered" in text or "groupnet: file missing" in text:
        return AlteredFileError(
            f"Expected {serial} to {what}; the file there is not the one that was sent; try again"
        )
    if "bad_alloc" in text or "cannot allocate memory" in text.lower():
        return DeviceMemoryError(
            f"Expected {serial} to {what}; its memory, or the session's share of it, is used up; "
            "close other apps, or take a smaller batch or input"
        )
    reason = text.strip().splitlines()[-1]
    return ServerError(f"Expected {serial} to {what}; its runtime said: {reason}")
