"""A Relax module behind its virtual machine: the same code in this process and over RPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from android_runner.device import Signatures
from android_runner.errors import InputMismatchError, UnknownFunctionError
from android_runner.tensor_types import check_inputs

Result = TypeVar("Result")


class Executor(Protocol):
    """Where and under which guard the virtual machine's calls run."""

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Run ``function`` under a time limit, with the runtime's errors mapped to DeviceError."""
        ...

    def set_threads(self, threads: int) -> None:
        """Let the threads that serve later calls number ``threads``, and read it back."""
        ...


class RelaxModule:
    """Implements `android_runner.device.LoadedModule` on a Relax virtual machine."""

    def __init__(
        self,
        module: tvm.runtime.Module,
        device: tvm.runtime.Device,
        executor: Executor,
        signatures: Signatures,
    ) -> None:
        """Start the virtual machine of a loaded module on its device."""
        self._device = device
        self._executor = executor
        self._signatures = signatures
        self._arities: dict[str, int] = {}
        self._machine = executor.call("start", lambda: relax.VirtualMachine(module, device))

    def run(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
        """Run a function; see `LoadedModule.run`."""
        self._check(function, inputs)
        return self._executor.call(f"run `{function}`", lambda: self._run(function, inputs))

    def time(
        self,
        function: str,
        inputs: Sequence[npt.NDArray[np.generic]],
        *,
        runs: int,
        warmup: int,
        threads: int,
    ) -> list[float]:
        """Time a function on the device; see `LoadedModule.time`."""
        if runs < 1 or warmup < 0:
            raise ValueError(f"Expected runs >= 1 and warmup >= 0; got {runs} and {warmup}")
        self._check(function, inputs)
        self.set_threads(threads)
        samples_s = self._executor.call(
            f"time `{function}`", lambda: self._time(function, inputs, warmup + runs)
        )
        return [1e3 * seconds for seconds in samples_s[warmup:]]

    def set_threads(self, threads: int) -> None:
        """Set the number of threads; see `LoadedModule.set_threads`."""
        if threads < 1:
            raise ValueError(f"Expected threads >= 1; got {threads}")
        self._executor.set_threads(threads)

    def _check(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> None:
        if function in self._signatures:
            check_inputs(function, self._signatures[function], inputs)
        if function not in self._arities:
            self._arities[function] = self._executor.call(
                f"look up `{function}`", lambda: self._arity(function)
            )
        if len(inputs) != self._arities[function]:
            raise InputMismatchError(
                f"Expected {self._arities[function]} inputs for `{function}`; got {len(inputs)}; "
                "pass one array for each"
            )

    def _arity(self, function: str) -> int:
        try:
            return int(self._machine.module["get_function_arity"](function))
        except Exception as exc:  # the runtime raises ValueError here and RPCError's kin over RPC
            if "Unknown function" not in str(exc):
                raise
            raise UnknownFunctionError(
                f"Expected the module to have a function `{function}`; it has none; compile the model again"
            ) from exc

    def _set_input(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> None:
        tensors = [tvm.runtime.tensor(np.ascontiguousarray(array), self._device) for array in inputs]
        self._machine.set_input(function, *tensors)

    def _run(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
        self._set_input(function, inputs)
        self._machine.invoke_stateful(function)
        return [tensor.numpy() for tensor in _flatten(self._machine.get_outputs(function))]

    def _time(
        self, function: str, inputs: Sequence[npt.NDArray[np.generic]], calls: int
    ) -> tuple[float, ...]:
        self._set_input(function, inputs)
        # One call to a sample: a mean of several would hide the spread that p95 is there to show.
        evaluator = self._machine.time_evaluator("invoke_stateful", self._device, number=1, repeat=calls)
        return tuple(evaluator(function).results)


def _flatten(outputs: Any) -> list[Any]:
    if isinstance(outputs, tuple | list):
        return [leaf for part in outputs for leaf in _flatten(part)]
    return [outputs]
