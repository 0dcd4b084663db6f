"""A function over batch after batch: the next one is on its way to the device while one is computed there.

On phones a thread of the session's process computes (`device_server/batches.cc`), so that RPC calls, which
are answered one at a time, can bring the next inputs and fetch the last outputs meanwhile. A batch is four
calls however many inputs it has: inputs there, start, wait for the end, outputs back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tvm
import tvm_ffi

from android_runner.errors import DeviceError, InputMismatchError
from android_runner.tensor_types import TensorType

Array = npt.NDArray[Any]

_ALIGNMENT = 64


class Batches(Protocol):
    """What `LoadedModule.batches` opens. Two batches under way keep the device busy."""

    def start(self, rows: Array) -> None:
        """Bring inputs [N, ...] to the device, and return; they are computed in the order of the calls.

        Raises:
            InputMismatchError: They are not what the function takes.
            DeviceError: The device failed.
        """
        ...

    def finish(self) -> list[Array]:
        """Wait for the oldest batch under way; each output is [N, ...]. Raises DeviceError."""
        ...

    def close(self) -> None:
        """Free what is held on the device."""
        ...


class Rows:
    """What one input and its outputs are: the function's tensors have one image."""

    def __init__(self, function: str, taken: TensorType, given: Sequence[TensorType]) -> None:
        """Take the types of the input and of the outputs of `function`; raises InputMismatchError."""
        if any(part.shape[:1] != (1,) for part in (taken, *given)):
            raise InputMismatchError(
                f"Expected `{function}` to take one image and return tensors of one; got {taken}; compile "
                "the model for one image"
            )
        self._function, self._taken = function, taken
        self._given = [(part.shape[1:], np.dtype(part.dtype)) for part in given]
        self._bytes = [int(np.prod(shape)) * dtype.itemsize for shape, dtype in self._given]
        self.input_bytes = int(np.prod(taken.shape)) * np.dtype(taken.dtype).itemsize
        self.output_bytes = sum(self._bytes)

    def check(self, rows: Array) -> None:
        """Raise InputMismatchError unless these are inputs, one at least."""
        if rows.shape[1:] != self._taken.shape[1:] or rows.dtype != self._taken.dtype or not len(rows):
            raise InputMismatchError(
                f"Expected images for `{self._function}` that are {self._taken} each; got "
                f"{rows.dtype}{list(rows.shape)}; resize or convert them to the model's input"
            )

    def empty(self, count: int) -> list[Array]:
        """Room for the outputs of so many images."""
        return [np.empty((count, *shape), dtype) for shape, dtype in self._given]

    def split(self, packed: Array) -> list[Array]:
        """Outputs [N, ...] of their bytes, uint8 [N, output_bytes]."""
        ends = np.cumsum(self._bytes)
        parts = np.split(packed, ends[:-1], axis=1)
        return [
            np.ascontiguousarray(part).view(dtype).reshape(len(packed), *shape)
            for part, (shape, dtype) in zip(parts, self._given, strict=True)
        ]


class RpcBatches:
    """Implements `Batches` on our server, with two sets of tensors there."""

    def __init__(
        self,
        call: Callable[[str, Callable[[], Any]], Any],
        rpc: tvm.rpc.RPCSession,
        machine: tvm.runtime.Module,
        function: str,
        rows: Rows,
        threads: int,
    ) -> None:
        """Open it; `call` makes RPC calls under a time limit and maps their errors."""
        self._call, self._rows = call, rows
        self._start, self._finish, self._close = (
            rpc.get_function(f"groupnet.batches_{verb}") for verb in ("start", "finish", "close")
        )
        self._device = rpc.cpu()
        self._number = call("open batches", lambda: self._open(rpc, machine, function, threads))
        self._free: list[tuple[Any, Any]] = []
        self._under_way: deque[tuple[Any, Any]] = deque()

    @staticmethod
    def _open(rpc: tvm.rpc.RPCSession, machine: tvm.runtime.Module, function: str, threads: int) -> int:
        return int(rpc.get_function("groupnet.batches_open")(machine, function, threads))

    def start(self, rows: Array) -> None:
        """Send and start; see `Batches.start`."""
        self._rows.check(rows)
        self._under_way.append(self._call("take inputs", lambda: self._send(rows)))

    def finish(self) -> list[Array]:
        """Wait and fetch; see `Batches.finish`."""

        def fetch() -> Array:
            self._finish(self._number)
            packed: Array = self._under_way[0][1].numpy()
            return packed

        packed = self._call("run a batch", fetch)
        self._free.append(self._under_way.popleft())
        return self._rows.split(packed)

    def close(self) -> None:
        """End the thread there; see `Batches.close`."""
        try:
            self._call("close batches", lambda: self._close(self._number))
        except DeviceError:
            pass  # the session has ended, and all of it with it

    def _send(self, rows: Array) -> tuple[Any, Any]:
        # Tensors of another number of rows are given back: sizes change at the beginning and the end alone.
        self._free = [pair for pair in self._free if pair[0].shape[0] == len(rows)]
        if self._free:
            inputs, outputs = self._free.pop()
        else:
            inputs = tvm.runtime.empty(rows.shape, rows.dtype.name, self._device)
            outputs = tvm.runtime.empty((len(rows), self._rows.output_bytes), "uint8", self._device)
        inputs.copyfrom(np.ascontiguousarray(rows))
        self._start(self._number, inputs, outputs)
        return inputs, outputs


class OneByOne:
    """Implements `Batches` where the device has nothing for it: a call an image, none overlaps."""

    def __init__(self, run: Callable[[Array], list[Array]], rows: Rows) -> None:
        """Take what runs one input [1, ...]."""
        self._run, self._rows = run, rows
        self._under_way: deque[Array] = deque()

    def start(self, rows: Array) -> None:
        """Keep them; see `Batches.start`."""
        self._rows.check(rows)
        self._under_way.append(rows)

    def finish(self) -> list[Array]:
        """Compute them; see `Batches.finish`."""
        results = [self._run(row[None]) for row in self._under_way.popleft()]
        return [np.concatenate(parts) for parts in zip(*results, strict=True)]

    def close(self) -> None:
        """Nothing is held; see `Batches.close`."""


class RunOnHost:
    """Runs a function of this process over rows: what the thread of `HostBatches` does."""

    def __init__(self, machine: tvm.runtime.Module, function: str, rows: Rows) -> None:
        """Take a virtual machine, and a function of one image."""
        self._rows = rows
        self._function = machine[function]
        self._place: Array = np.empty(0)
        self._input: Any = None
        self._paths: list[tuple[int, ...]] = []

    def __call__(self, rows: Array) -> list[Array]:
        """Run it; every output is [N, ...]."""
        if self._place.shape != (1, *rows.shape[1:]):
            self._place = _aligned((1, *rows.shape[1:]), rows.dtype)
            self._input = tvm.runtime.from_dlpack(self._place)
            self._paths = list(_leaves(self._function(self._input)))
        (place,), function, inputs, from_dlpack = self._place, self._function, self._input, np.from_dlpack
        item = tvm_ffi.get_global_func("ffi.ArrayGetItem")  # `part[index]` takes three times as long
        outputs = self._rows.empty(len(rows))
        places = list(zip(outputs, self._paths, strict=True))
        # Of 24 microseconds an image, what this loop does costs 2: no more than it must is done here.
        for number, row in enumerate(rows):
            place[...] = row
            result = function(inputs)
            for output, path in places:
                part = result
                for index in path:
                    part = item(part, index)
                output[number] = from_dlpack(part)  # copied: the next call may use the same memory
        return outputs


def _leaves(result: Any) -> Iterator[tuple[int, ...]]:
    """Where a result, which may be a nested tuple, has its tensors, in order."""
    if isinstance(result, tvm.runtime.Tensor):
        yield ()
        return
    for index, part in enumerate(result):
        for path in _leaves(part):
            yield (index, *path)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array that lies as kernels expect tensors to, which NumPy's own need not."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


class HostBatches:
    """Implements `Batches` on a thread of this process."""

    def __init__(
        self,
        submit: Callable[[str, Callable[[], list[Array]]], Callable[[], list[Array]]],
        run: RunOnHost,
        rows: Rows,
    ) -> None:
        """Take what hands a call to the thread, and answers with what waits for its result."""
        self._submit, self._run, self._rows = submit, run, rows
        self._under_way: deque[Callable[[], list[Array]]] = deque()

    def start(self, rows: Array) -> None:
        """Hand them over; see `Batches.start`."""
        self._rows.check(rows)
        self._under_way.append(self._submit("run a batch", lambda: self._run(rows)))

    def finish(self) -> list[Array]:
        """Wait; see `Batches.finish`."""
        return self._under_way.popleft()()

    def close(self) -> None:
        """Nothing is held; see `Batches.close`."""


def flatten(outputs: Any) -> list[Any]:
    """The tensors of a result, nested tuples in order."""
    if isinstance(outputs, tvm.runtime.Tensor):
        return [outputs]
    if len(outputs) == 1:
        return flatten(outputs[0])
    return [leaf for part in outputs for leaf in flatten(part)]
