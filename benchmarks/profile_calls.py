"""Time each call that a compiled function makes on this machine, kernel by kernel, in their order."""

import ctypes
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from android_runner.host_device import HostExecutor
from benchmarks.build_tool import run_tool
from benchmarks.errors import BenchmarkError

_SOURCE = Path(__file__).with_name("call_clock.c")
_MAX_EVENTS = 1 << 16  # call_clock.c
_CALL_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Call:
    """One call of the virtual machine: what is called, and the bytes of all tensors that it is given."""

    name: str
    tensor_bytes: int


@dataclass(frozen=True)
class TimedRun:
    """One run: milliseconds of each call, and from the first call's start to the last one's end."""

    calls_ms: tuple[float, ...]
    span_ms: float


class CallProfiler:
    """A function of a compiled module, instrumented."""

    def __init__(
        self, library: Path, function: str, inputs: Sequence[npt.NDArray[Any]], *, threads: int
    ) -> None:
        """Load the module, run the function once to learn its calls, and leave the clock in place.

        Raises:
            BenchmarkError: there is no gcc, or the function makes more calls than the clock can note.
            DeviceError: this machine has fewer cores than `threads`, or the module failed.
        """
        self._function = function
        self._executor = HostExecutor(_CALL_TIMEOUT_S)
        self._executor.set_threads(threads)
        self._clock, instrument = _load_clock()
        self._machine = self._executor.call("start", lambda: _start(library, function, inputs))
        self.calls: tuple[Call, ...] = self._executor.call("list its calls", self._list_calls)
        if 2 * len(self.calls) > _MAX_EVENTS:
            raise BenchmarkError(
                f"expected at most {_MAX_EVENTS // 2} calls in `{function}`; got {len(self.calls)}: enlarge "
                "MAX_EVENTS in call_clock.c"
            )
        self._executor.call("set the clock", lambda: self._machine.set_instrument(instrument))

    def close(self) -> None:
        """End the thread that the function runs on."""
        self._executor.close()

    def run(self, runs: int) -> list[TimedRun]:
        """Run the function some times."""
        return [self._executor.call(f"run `{self._function}`", self._run_once) for _ in range(runs)]

    def _list_calls(self) -> tuple[Call, ...]:
        calls: list[Call] = []

        def note_call(_function: Any, name: str, before: bool, _result: Any, *arguments: Any) -> int:
            if before:
                calls.append(Call(str(name), sum(map(_bytes_of, arguments))))
            return 0

        self._machine.set_instrument(tvm.runtime.convert(note_call))
        self._machine.invoke_stateful(self._function)
        return tuple(calls)

    def _run_once(self) -> TimedRun:
        self._clock.call_clock_reset()
        self._machine.invoke_stateful(self._function)
        events = int(self._clock.call_clock_events())
        if events != 2 * len(self.calls):
            raise BenchmarkError(
                f"expected {2 * len(self.calls)} events of `{self._function}`, as in its first run; got "
                f"{events}: the clock is not this run's alone"
            )
        times_ms = np.ctypeslib.as_array(self._clock.call_clock_times_ns(), (events,)) / 1e6
        durations = times_ms[1::2] - times_ms[::2]
        return TimedRun(tuple(map(float, durations)), float(times_ms[-1] - times_ms[0]))


def _load_clock() -> tuple[ctypes.CDLL, Any]:
    """The clock's C functions, and the one that the virtual machine calls."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "call_clock.so"
        run_tool(["gcc", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE], package="gcc")
        # Both open one library: its memory is the same.
        clock, module = ctypes.CDLL(str(library)), tvm.runtime.load_module(str(library))
    clock.call_clock_events.restype = ctypes.c_int64
    clock.call_clock_times_ns.restype = ctypes.POINTER(ctypes.c_int64)
    return clock, module["call_clock"]


def _start(library: Path, function: str, inputs: Sequence[npt.NDArray[Any]]) -> Any:
    machine = relax.VirtualMachine(tvm.runtime.load_module(str(library)), tvm.cpu())
    machine.set_input(function, *(tvm.runtime.tensor(np.ascontiguousarray(array)) for array in inputs))
    return machine


def _bytes_of(argument: Any) -> int:
    if not isinstance(argument, tvm.runtime.Tensor):
        return 0
    bits: int = tvm.DataType(str(argument.dtype)).bits
    return math.prod(map(int, argument.shape)) * bits // 8
