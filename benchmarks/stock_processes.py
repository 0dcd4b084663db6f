"""MetaSchedule's builder and runners with patience: generous time limits, and a batch's failures once more.

Its own limits, 30 seconds for a build and 10 or 30 for a run, count the start of a process in. A process that
builds imports `tvm.s_tir.tensor_intrin` first. For each of the intrinsics in there TVM's parser looks at all
loaded modules for the source; with torch, which `import tvm` loads where it is installed, that takes most of
30 seconds on a quiet machine, and more on a busy one.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tvm.ir.utils import derived_object
from tvm.rpc.server import Server
from tvm.s_tir import meta_schedule
from tvm.s_tir.meta_schedule.runner.local_runner import LocalRunnerFuture
from tvm.support.popen_pool import PopenWorker

from android_runner.rack.tracker import Tracker
from benchmarks.errors import BenchmarkError
from groupnet.console import note

LIMIT_S = 600
"""Of a build, and of a run."""

Say = Callable[[str], None]

_INTRINSICS = "tvm.s_tir.tensor_intrin"
_KEY = "stock"
_PORTS = (9300, 9400)


@derived_object
class PatientBuilder(meta_schedule.builder.PyBuilder):  # type: ignore[misc]  # the base class has no types
    """`LocalBuilder`, which says what it does and builds once more what failed."""

    def __init__(self, processes: int, say: Say) -> None:
        super().__init__()
        self._builder = meta_schedule.builder.LocalBuilder(max_workers=processes, timeout_sec=LIMIT_S)
        self._say = say

    def build(self, build_inputs: Sequence[Any]) -> list[Any]:
        """Build all of them; where that failed twice, the result is its reason."""
        self._say(f"MetaSchedule builds {len(build_inputs)} candidates")
        return _twice(self._builder.build, list(build_inputs), "built")


@derived_object
class PatientRunner(meta_schedule.runner.PyRunner):  # type: ignore[misc]  # the base class has no types
    """Another runner, which says what it does and runs once more what failed."""

    def __init__(self, runner: Any, say: Say) -> None:
        super().__init__()
        self._runner, self._say = runner, say

    def run(self, runner_inputs: Sequence[Any]) -> list[Any]:
        """Time all of them; what is returned is done already."""
        self._say(f"MetaSchedule times {len(runner_inputs)} candidates")
        results = _twice(self._timed, list(runner_inputs), "timed")
        return [LocalRunnerFuture(result.run_secs, result.error_msg) for result in results]

    def _timed(self, inputs: list[Any]) -> list[Any]:
        return [future.result() for future in self._runner.run(inputs)]


def _twice(work: Callable[[list[Any]], list[Any]], inputs: list[Any], done: str) -> list[Any]:
    results = list(work(inputs))
    failed = [place for place, result in enumerate(results) if result.error_msg is not None]
    if failed:
        reason = results[failed[0]].error_msg.strip().splitlines()[-1]
        note(f"{len(failed)} of {len(inputs)} were not {done} ({reason}): once more")
        for place, result in zip(failed, work([inputs[place] for place in failed]), strict=True):
            results[place] = result
    return results


@contextmanager
def local_runner(evaluation: Any, say: Say) -> Iterator[Any]:
    """`LocalRunner`: times in a process of its own."""
    runner = meta_schedule.runner.LocalRunner(timeout_sec=LIMIT_S, evaluator_config=evaluation)
    try:
        yield PatientRunner(runner, say)
    finally:
        runner.pool.shutdown()


@contextmanager
def rpc_runner(evaluation: Any, say: Say) -> Iterator[Any]:
    """`RPCRunner` with TVM's server on this machine, a session for each candidate.

    Between the two is our tracker, which speaks TVM's protocol: TVM's own needs another package, and listens
    on every interface.
    """
    with Tracker(0) as tracker:
        address = ("127.0.0.1", tracker.port)
        server = Server("127.0.0.1", *_PORTS, key=_KEY, tracker_addr=address, silent=True)
        try:
            config = meta_schedule.runner.RPCConfig(*address, _KEY, session_timeout_sec=LIMIT_S)
            runner = meta_schedule.runner.RPCRunner(rpc_config=config, evaluator_config=evaluation)
            try:
                yield PatientRunner(runner, say)
            finally:
                runner.pool.shutdown()
        finally:
            server.terminate()


def import_intrinsics() -> None:
    """Load what MetaSchedule's search loads when it is first used in a process."""
    importlib.import_module(_INTRINSICS)


def building_process_start_s() -> float:
    """Seconds until a process of `LocalBuilder` could build: its start, and what it imports first.

    Raises:
        BenchmarkError: two processes ended before that.
    """
    try:
        return _started_s()
    except ChildProcessError:
        note("the process ended: once more")
    try:
        return _started_s()
    except ChildProcessError as exc:
        raise BenchmarkError(
            "expected a process that can build for MetaSchedule; got two that ended; is there memory enough?"
        ) from exc


def _started_s() -> float:
    began = time.perf_counter()
    worker = PopenWorker()
    try:
        # Not `import_module`, whose result would be sent back, and so imported here too.
        worker.send(exec, [f"import {_INTRINSICS}"])
        worker.recv()
    finally:
        worker.kill()
    return time.perf_counter() - began
