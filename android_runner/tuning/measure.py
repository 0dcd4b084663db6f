"""One measurement: build a choice, run it, compare its numbers with the default's byte for byte, time both.

The inputs are integers: words at random, floats and pixels so small that no sum is ever rounded. The order
of additions, which a tile changes, can then not move a single bit, not of a float convolution either.
What a kernel writes and all that it only reads is compared byte for byte.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm

from android_runner.tuning.place import Place
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest, kernel_name

Array = npt.NDArray[Any]

_UNCHECKED = {"tirx.disable_assert": True}  # as kernels are built in networks
_SAMPLE_S = 1e-3
_FLOATS = 4
"""Floats are integers from -4 to 4."""


@dataclass(frozen=True)
class Times:
    """Smallest seconds of a call over all rounds, of a choice and of the default."""

    seconds: float
    default_seconds: float


class WrongNumbersError(Exception):
    """A choice computed other numbers than the default."""


class Bench:
    """A kernel with its default built, its inputs made and its results known."""

    def __init__(self, request: KernelRequest, target: Any, place: Place, seed: int = 0) -> None:
        """Build the default and run it at a place."""
        self.request, self.target, self.place = request, target, place
        self.default = _Built(request.build(target), target, place)
        self.inputs = _inputs(self.default.function, request, seed)
        self.expected = self.default.run(self.inputs)

    def measure(self, choice: Choice, rounds: int) -> Times:
        """Verify a choice, then time it and the default, one after the other in every round.

        Raises:
            WrongNumbersError: a result differs from the default's.
            KernelError: no such kernel can be made.
            DeviceError: the place fails.
        """
        built = _Built(self.request.build(self.target, choice), self.target, self.place)
        for name, got, want in zip(built.names, built.run(self.inputs), self.expected, strict=True):
            if not np.array_equal(got.view(np.uint8), want.view(np.uint8)):
                wrong = int(np.count_nonzero(got != want))
                raise WrongNumbersError(
                    f"{wrong} of {got.size} numbers of `{name}` differ from the default's"
                )
        timers = [one.timer(self.inputs) for one in (built, self.default)]
        samples = [[timer() for timer in timers] for _ in range(rounds)]
        seconds, default_seconds = (min(column) for column in zip(*samples, strict=True))
        return Times(seconds, default_seconds)


class _Built:
    def __init__(self, function: Any, target: Any, place: Place) -> None:
        self.function, self.place = function, place
        self.name = kernel_name(function)
        self.names = [str(parameter.name) for parameter in function.params]
        with tvm.transform.PassContext(config=_UNCHECKED):
            built = tvm.compile(tvm.IRModule({self.name: function}), target=target)
        self.module = place.load(built)

    def run(self, inputs: list[Array]) -> list[Array]:
        """Call the kernel on copies; return all of them afterwards."""

        def run() -> list[Array]:
            tensors = [tvm.runtime.tensor(array, self.place.processor) for array in inputs]
            self.module.get_function(self.name, query_imports=True)(*tensors)
            return [tensor.numpy() for tensor in tensors]

        return self.place.call("run a kernel", run)

    def timer(self, inputs: list[Array]) -> Any:
        """Return what answers the seconds of a call, of as many calls as fill a millisecond."""
        # As in a network: nothing is shown of a group's convolutions.
        shown = [name.startswith("shown") for name in self.names]
        arrays = [array[:0] if empty else array for array, empty in zip(inputs, shown, strict=True)]

        def prepare() -> Any:
            tensors = [tvm.runtime.tensor(array, self.place.processor) for array in arrays]
            once = self._evaluate(3)(*tensors).mean
            evaluate = self._evaluate(max(1, round(_SAMPLE_S / once)))
            return lambda: float(evaluate(*tensors).mean)

        timer = self.place.call("time a kernel", prepare)
        return lambda: self.place.call("time a kernel", timer)

    def _evaluate(self, number: int) -> Any:
        return self.module.time_evaluator(self.name, self.place.processor, number=number, repeat=1)


def _inputs(function: Any, request: KernelRequest, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    made = []
    for parameter in function.params:
        batch = getattr(request.shape, "batch", 1)
        # An extent that the caller chooses is the number of images that a group shows.
        shape = [batch if isinstance(extent, tvm.tirx.Var) else int(extent) for extent in parameter.ty.shape]
        made.append(_numbers(str(parameter.name), shape, str(parameter.ty.dtype), request.shape, rng))
    return made


def _numbers(name: str, shape: list[int], dtype: str, geometry: Any, rng: np.random.Generator) -> Array:
    if dtype == "int8":
        return _digits(shape, geometry.taps, rng)
    if name == "scale" and dtype == "float32":
        # A power of two rounds no product, however large the sum that it scales.
        return rng.choice(np.array([-2, -1, 1, 2], np.float32), shape)
    if dtype == "float32":
        return rng.integers(-_FLOATS, _FLOATS, shape, endpoint=True).astype(np.float32)
    made = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    rest = geometry.in_channels % np.iinfo(dtype).bits
    if dtype == "uint32" and rest and not name.startswith("packed"):
        # Bits past the last channel are 0, which is what keeps counts within their lanes.
        last = made[..., -1] if name.startswith(("words", "planes")) else made[..., -1, :]
        last &= np.uint32((1 << rest) - 1)
    return made


def _digits(shape: list[int], taps: int, rng: np.random.Generator) -> Array:
    """Weights of bytes `[blocks, groups, digits, block, taps of a group]`, of `pixel_weights`.

    One digit of each channel is not 0, so that a sum of digits is as exact as a digit's; behind the last tap
    all are, as the bytes that a kernel multiplies there are whatever lies in memory.
    """
    blocks, _, digits, block, group = shape
    chosen = rng.integers(0, digits, (blocks, 1, 1, block, 1)) == np.arange(digits).reshape(1, 1, -1, 1, 1)
    made = np.where(chosen, rng.integers(-128, 127, shape, np.int8, endpoint=True), np.int8(0))
    if taps % group:
        made[:, -1, :, :, taps % group :] = 0
    return made
