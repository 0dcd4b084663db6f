"""This machine as a device: modules are loaded into this process and run on a thread of their own."""

from __future__ import annotations

import os
import platform
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from android_runner.call_profile import Footprint
from android_runner.device import DEFAULT_CALL_TIMEOUT_S, DeviceInfo, LoadedModule, Session, Signatures
from android_runner.elf import check_architecture
from android_runner.errors import (
    CoresUnavailableError,
    DeviceError,
    ServerError,
    ThreadsUnavailableError,
    TransportTimeoutError,
)
from android_runner.probe import host_cpu_name
from android_runner.process_memory import forget_peak, peak_bytes, resident_bytes
from android_runner.run_control import Conditions, RunControl
from android_runner.throttling import Reading

if TYPE_CHECKING:
    from android_runner.batches import Batches, Rows

Result = TypeVar("Result")


class HostDevice:
    """Implements `android_runner.device.Device` for this machine."""

    def info(self) -> DeviceInfo:
        """Describe this machine."""
        return DeviceInfo(
            kind="host",
            name="host",
            serial=None,
            model=platform.node(),
            cpu=host_cpu_name(),
            arch=platform.machine(),
            emulated=False,
            android=None,
            cores=len(os.sched_getaffinity(0)),
        )

    def cool_down(self, say: Callable[[str], None]) -> None:  # noqa: ARG002
        """Not wait: this machine is not asked for its temperatures."""
        return None

    @contextmanager
    def watch(self) -> Iterator[list[Reading]]:
        """Give an empty list: this machine is not watched."""
        yield []

    @contextmanager
    def session(
        self, *, timeout_s: float = DEFAULT_CALL_TIMEOUT_S, control: RunControl | None = None
    ) -> Iterator[Session]:
        """Open a session; see `Device.session`."""
        if control is not None and (control.cores is not None or control.governor is not None):
            raise CoresUnavailableError(
                "Expected a phone whose cores and governor can be chosen; got this machine; "
                "leave --cores and --governor out, and run under `taskset`"
            )
        executor = HostExecutor(timeout_s)
        try:
            yield HostSession(executor)
        finally:
            executor.close()


class HostSession:
    """Implements `android_runner.device.Session` for this machine."""

    conditions: Conditions | None = None

    def __init__(self, executor: HostExecutor) -> None:
        """Keep the executor that every module of the session runs on."""
        self._executor = executor

    def load(self, module: Path, signatures: Signatures | None = None) -> LoadedModule:
        """Load a module in place; see `Session.load`."""
        # Imported here: this takes over a second, and listing devices needs none of it.
        import tvm

        from android_runner.relax_module import RelaxModule

        check_architecture(module, platform.machine(), "this machine")
        forget_peak()
        before_bytes = resident_bytes()
        started_s = time.perf_counter()
        loaded = self._executor.call(
            f"load {module.name}", lambda: tvm.runtime.load_module(str(module.resolve()))
        )
        instruments = HostInstruments(1e3 * (time.perf_counter() - started_s), before_bytes)
        return RelaxModule(loaded, tvm.cpu(), self._executor, instruments, signatures or {})


class HostInstruments:
    """Implements `android_runner.relax_module.Instruments` for modules of this process."""

    def __init__(self, load_ms: float, before_bytes: int | None) -> None:
        """Keep what the load took, and what was resident before it."""
        self._load_ms = load_ms
        self._before_bytes = before_bytes

    def profile_calls(self, library: Any, *arguments: Any) -> str:
        """Call it; see `Instruments.profile_calls`."""
        from android_runner.host_instrument import host_profiler

        return str(host_profiler()(library, *arguments))

    def footprint(self) -> Footprint:
        """Ask the kernel; see `Instruments.footprint`."""
        return Footprint(self._load_ms, self._before_bytes, peak_bytes())

    def ceilings(self, _threads: int) -> None:
        """None: the server's loops are for arm64; see `Instruments.ceilings`."""


class HostExecutor:
    """Runs calls on one thread, because TVM keeps a thread pool and core affinity per calling thread.

    Pinning its main thread to cores therefore cannot leak into the rest of this process, and a new number of
    threads is a new thread with a new pool.
    """

    def __init__(self, timeout_s: float) -> None:
        """Start the thread; no call takes longer than ``timeout_s``."""
        self._timeout_s = timeout_s
        self._worker = _Worker()
        self._threads = 0

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Run ``function`` on the thread; see `Executor.call`."""
        return self._worker.call(what, function, self._timeout_s)

    def set_threads(self, threads: int) -> None:
        """Go on with a fresh thread whose pool has ``threads`` threads; see `Executor.set_threads`."""
        if threads == self._threads:
            return
        cores = sorted(os.sched_getaffinity(0))
        if threads > len(cores):
            raise ThreadsUnavailableError(
                f"Expected at most {len(cores)} threads on this machine; got {threads}; ask for fewer"
            )
        worker = _Worker()
        used = worker.call("set threads", lambda: _configure_pool(cores[:threads]), self._timeout_s)
        if used != threads:
            worker.close()
            raise ThreadsUnavailableError(
                f"Expected {threads} threads on this machine; the runtime took {used}; ask for {used}"
            )
        self._worker.close()
        self._worker = worker
        self._threads = threads

    def take_sole_use(self) -> None:
        """Take nothing: this machine is its owner's, who sees what else runs on it."""

    def open_batches(self, machine: Any, function: str, rows: Rows, threads: int) -> Batches:
        """Open batches that this thread computes; see `Executor.open_batches`."""
        from android_runner.batches import HostBatches, RunOnHost

        self.set_threads(threads)
        worker, timeout_s = self._worker, self._timeout_s

        def submit(what: str, run: Callable[[], Result]) -> Callable[[], Result]:
            answer = worker.submit(run)
            return lambda: worker.wait(what, answer, timeout_s)

        return HostBatches(submit, RunOnHost(machine, function, rows), rows)

    def close(self) -> None:
        """End the thread after the call it is in."""
        self._worker.close()


def _configure_pool(cores: list[int]) -> int:
    from tvm_ffi import get_global_func

    # Mode -2: one thread to a core of this list; its length is also the size of this thread's new pool.
    get_global_func("runtime.config_threadpool")(-2, len(cores), [str(core) for core in cores])
    return int(get_global_func("runtime.NumThreads")())


class _Worker:
    """One daemon thread that runs one call at a time."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], queue.SimpleQueue[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._serve, name="host-device", daemon=True)
        self._thread.start()

    def call(self, what: str, function: Callable[[], Result], timeout_s: float) -> Result:
        return cast(Result, self.wait(what, self.submit(function), timeout_s))

    def submit(self, function: Callable[[], Any]) -> queue.SimpleQueue[Any]:
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._jobs.put((function, answer))
        return answer

    def wait(self, what: str, answer: queue.SimpleQueue[Any], timeout_s: float) -> Any:
        try:
            succeeded, value = answer.get(timeout=timeout_s)
        except queue.Empty:
            raise TransportTimeoutError(
                f"Expected this machine to {what} within {timeout_s:g} s; it did not; allow more time"
            ) from None
        if succeeded:
            return value
        if isinstance(value, DeviceError):
            raise value
        reason = (str(value).strip() or type(value).__name__).splitlines()[-1]
        raise ServerError(f"Expected this machine to {what}; the runtime said: {reason}") from value

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join(timeout=1.0)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, answer = job
            try:
                answer.put((True, function()))
            except Exception as exc:  # handed to the caller, who raises it
                answer.put((False, exc))
            # Otherwise the last module would live as long as the thread waits.
            del job, function, answer
