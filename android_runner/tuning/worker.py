"""A process that measures: what hangs or crashes in it costs its time limit and nothing else.

The process lives for many measurements, since starting one and importing TVM takes longer than they do. It is
replaced when it dies or is overdue.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from android_runner.errors import DevicesGoneError, MeasuringProcessError
from android_runner.tuning.device_state import DeviceState
from android_runner.tuning.records import Outcome
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest

if TYPE_CHECKING:
    from android_runner.tuning.measure import Bench

START_LIMIT_S = 120.0
_READY = "ready"


@dataclass(frozen=True)
class Job:
    """A choice to measure: for a target (as JSON), in a number of rounds."""

    request: KernelRequest
    choice: Choice
    target: str
    rounds: int


@dataclass(frozen=True)
class Answer:
    """What came of a job; the times, in seconds, are of the choice and of the default beside it."""

    outcome: Outcome
    reason: str = ""
    seconds: float | None = None
    default_seconds: float | None = None
    device: DeviceState | None = None


@dataclass(frozen=True)
class Gone:
    """In place of an answer: there is no device to measure on, and why."""

    reason: str


Answering = Callable[[], AbstractContextManager[Callable[[Job], Answer | Gone]]]
"""Makes, within the process that measures, what answers jobs; its end is the end of the process."""

_STOP_LIMIT_S = 10.0


class Worker:
    """Measures in a process of its own; a context manager."""

    def __init__(self, threads: int, limit_s: float, answering: Answering | None = None) -> None:
        """Take how to measure; the process starts when needed.

        Args:
            threads: of the kernels.
            limit_s: of a measurement.
            answering: how, elsewhere than on this machine; it must be importable by the new process.
        """
        self.threads, self.limit_s = threads, limit_s
        self._answering = answering or host_answers
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def measure(self, job: Job) -> Answer:
        """Measure one choice.

        Raises:
            MeasuringProcessError: the process cannot be started.
            DevicesGoneError: the device is gone, and did not come back.
        """
        process, connection = self._started()
        try:
            connection.send(job)
            if not connection.poll(self.limit_s):
                self.stop()
                return Answer("timeout", f"not done within {self.limit_s:g} s")
            answer = connection.recv()
        except (EOFError, OSError):
            process.join(timeout=5)
            code = process.exitcode
            self.stop()
            return Answer("crashed", f"the process ended with {_exit_text(code)}")
        if isinstance(answer, Gone):
            self.stop()
            raise DevicesGoneError(answer.reason)
        if not isinstance(answer, Answer):
            raise MeasuringProcessError(f"expected an answer; got {answer!r}; this is a fault of the program")
        return answer

    def stop(self) -> None:
        """End the process, if there is one."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is not None:
            # First, because its end wakes who waits for an answer in another thread.
            process.terminate()
            process.join(_STOP_LIMIT_S)
            process.kill()
            process.join()
            process.close()
        if connection is not None:
            connection.close()

    def _started(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        if self._process is None or self._connection is None:
            # A fresh interpreter: TVM's threads do not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, self.threads, self._answering))
            self._process.start()
            theirs.close()
            try:
                ready = self._connection.poll(START_LIMIT_S) and self._connection.recv() == _READY
            except EOFError:
                ready = False
            if not ready:
                self.stop()
                raise MeasuringProcessError(
                    "expected a process that measures; got none that starts; run `groupnet doctor`"
                )
        return self._process, self._connection


def _serve(connection: Connection, threads: int, answering: Answering) -> None:
    """Answer jobs until the other end closes."""
    # Ctrl-C is for the process that asks, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read once, when TVM's runtime is loaded.
    os.environ["TVM_NUM_THREADS"] = str(threads)
    connection.send(_READY)
    with answering() as answer:
        while True:
            try:
                job = connection.recv()
            except EOFError:
                return
            connection.send(answer(job))


@contextmanager
def host_answers() -> Iterator[Callable[[Job], Answer]]:
    """Measure on this machine, in this process."""
    benches: dict[KernelRequest, Bench] = {}
    yield lambda job: _answer(job, benches)


def _answer(job: Job, benches: "dict[KernelRequest, Bench]") -> Answer:
    from tvm.target import Target

    from android_runner.tuning.measure import Bench, WrongNumbersError
    from android_runner.tuning.place import HostPlace

    try:
        if job.request not in benches:
            benches.clear()  # one kernel's tensors at a time
            benches[job.request] = Bench(job.request, Target(job.target), HostPlace())
        times = benches[job.request].measure(job.choice, job.rounds)
    except WrongNumbersError as exc:
        return Answer("wrong", str(exc))
    except Exception as exc:  # whatever a choice does is a result about it, not the end of tuning
        return Answer("failed", failure_text(exc))
    return Answer("ok", "", times.seconds, times.default_seconds)


def failure_text(exc: Exception) -> str:
    """One line of limited length about an error."""
    return " ".join(f"{type(exc).__name__}: {exc}".split())[:300]


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
