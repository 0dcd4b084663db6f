"""A Relax module behind its virtual machine: the same code in this process and over RPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from android_runner.batches import Batches, OneByOne, Rows, flatten
from android_runner.call_profile import CallProfile, CoreCeilings, Footprint, parse_profile
from android_runner.device import Signatures
from android_runner.errors import InputMismatchError, UnknownFunctionError
from android_runner.tensor_types import TensorType, check_inputs

Result = TypeVar("Result")


class Executor(Protocol):
    """Where and under which guard the virtual machine's calls run."""

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Run ``function`` under a time limit, with the runtime's errors mapped to DeviceError."""
        ...

    def take_sole_use(self) -> None:
        """Wait until no other session measures on the device; keep others from it until this one ends.

        Raises:
            DeviceBusyError: Another session has it for too long.
        """
        ...

    def set_threads(self, threads: int) -> None:
        """Let the threads that serve later calls number ``threads``, and read it back."""
        ...

    def open_batches(
        self, machine: tvm.runtime.Module, function: str, rows: Rows, threads: int
    ) -> Batches | None:
        """Open batches of a virtual machine that nobody else uses; None where there are none."""
        ...


class Instruments(Protocol):
    """What a device has for looking into a module that it runs; called under the executor's guard."""

    def profile_calls(self, library: tvm.runtime.Module, *arguments: Any) -> str:
        """Call `groupnet.profile_calls` where the library is; see `device_server/call_profile.h`."""
        ...

    def footprint(self) -> Footprint:
        """Return what the last load took, and what memory has been taken since."""
        ...

    def ceilings(self, threads: int) -> CoreCeilings | None:
        """Time loops on registers; None where there are none."""
        ...


class RelaxModule:
    """Implements `android_runner.device.LoadedModule` on a Relax virtual machine."""

    def __init__(
        self,
        module: tvm.runtime.Module,
        device: tvm.runtime.Device,
        executor: Executor,
        instruments: Instruments,
        signatures: Signatures,
    ) -> None:
        """Start the virtual machine of a loaded module on its device."""
        self._library = module
        self._device = device
        self._instruments = instruments
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
        self._executor.take_sole_use()
        self.set_threads(threads)
        samples_s = self._executor.call(
            f"time `{function}`", lambda: self._time(function, inputs, warmup + runs)
        )
        return [1e3 * seconds for seconds in samples_s[warmup:]]

    def profile(
        self, function: str, inputs: Sequence[npt.NDArray[np.generic]], *, runs: int, threads: int
    ) -> CallProfile:
        """Time each call of a function on the device; see `LoadedModule.profile`."""
        self._check(function, inputs)
        self._executor.take_sole_use()
        self.set_threads(threads)
        return self._executor.call(
            f"profile `{function}`",
            lambda: parse_profile(
                self._instruments.profile_calls(self._library, function, runs, *self._tensors(inputs))
            ),
        )

    def footprint(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> Footprint:
        """Run a function once and tell what it took; see `LoadedModule.footprint`."""
        self.run(function, inputs)
        return self._executor.call("tell its memory", self._instruments.footprint)

    def ceilings(self, *, threads: int) -> CoreCeilings | None:
        """Time loops on registers; see `LoadedModule.ceilings`."""
        self._executor.take_sole_use()
        self.set_threads(threads)
        return self._executor.call("time loops", lambda: self._instruments.ceilings(threads))

    def set_threads(self, threads: int) -> None:
        """Set the number of threads; see `LoadedModule.set_threads`."""
        if threads < 1:
            raise ValueError(f"Expected threads >= 1; got {threads}")
        self._executor.set_threads(threads)

    def batches(self, function: str, outputs: Sequence[TensorType], *, threads: int) -> Batches:
        """Run a function of one image on batches of them; see `LoadedModule.batches`."""
        (taken,) = self._signatures[function]
        rows = Rows(function, taken, outputs)
        # Of its own: a machine can do one thing at a time, and `run` may be called meanwhile.
        machine = self._executor.call("start", lambda: relax.VirtualMachine(self._library, self._device))
        opened = self._executor.open_batches(machine.module, function, rows, threads)
        return opened or OneByOne(lambda row: self.run(function, [row]), rows)

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
        self._machine.set_input(function, *self._tensors(inputs))

    def _tensors(self, inputs: Sequence[npt.NDArray[np.generic]]) -> list[Any]:
        return [tvm.runtime.tensor(np.ascontiguousarray(array), self._device) for array in inputs]

    def _run(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
        self._set_input(function, inputs)
        self._machine.invoke_stateful(function)
        return [tensor.numpy() for tensor in flatten(self._machine.get_outputs(function))]

    def _time(
        self, function: str, inputs: Sequence[npt.NDArray[np.generic]], calls: int
    ) -> tuple[float, ...]:
        self._set_input(function, inputs)
        # One call to a sample: a mean of several would hide the spread that p95 is there to show.
        evaluator = self._machine.time_evaluator("invoke_stateful", self._device, number=1, repeat=calls)
        return tuple(evaluator(function).results)
