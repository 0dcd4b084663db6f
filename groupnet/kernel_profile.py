"""What a profile says of each kernel: its time, products and bytes, and how near it is to the ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from groupnet.kernel_labels import kernel_labels

if TYPE_CHECKING:
    from android_runner.call_profile import Call, CallProfile, ProfiledRun
    from groupnet.tuning_ceilings import Peak

Kind = Literal["binary", "float", "glue"]

_MACHINE_PREFIX = "vm.builtin."
_CLOCK_MS = 1e-6  # what takes no time by the device's clock has taken a nanosecond: a rate divides by it


@dataclass(frozen=True)
class KernelTime:
    """All calls of one kernel in one run of a network.

    Attributes:
        key: The kernel as tuning records know it, or its name where it has none.
        label: The same in words.
        kind: Whether it multiplies signs, floats, or nothing.
        calls: How often a run calls it.
        ms: What these calls take together.
        min_ms: The same where that was least.
        macs: Their multiply-accumulates together; 0 for glue.
        tensor_bytes: The bytes of the tensors that they are given, together; each is read or written once at
            least.
        of_ceiling: Which share of the core's ceiling they reach; None: no ceiling is known, or it multiplies
            nothing.
    """

    key: str
    label: str
    kind: Kind
    calls: int
    ms: float
    min_ms: float
    macs: int
    tensor_bytes: int
    of_ceiling: float | None

    @property
    def macs_s(self) -> float | None:
        """Multiply-accumulates per second; None for glue."""
        return self.macs / (self.ms * 1e-3) if self.macs else None

    @property
    def bytes_s(self) -> float:
        """Bytes per second."""
        return self.tensor_bytes / (self.ms * 1e-3)


@dataclass(frozen=True)
class NetworkProfile:
    """Where the time of one run goes: means over the faster half of the runs, so that the parts add up.

    Medians would not: what else the machine does interrupts another kernel in each run.

    Attributes:
        kernels: Those that take longest first.
        machine_ms: Everything else: the virtual machine's own calls for memory and shapes, and between calls.
        machine_calls: How many such calls a run makes.
        whole_ms: A run by the same clock; the kernels and `machine_ms` are its parts.
        runs: How many there were, the slower half too.
    """

    kernels: tuple[KernelTime, ...]
    machine_ms: float
    machine_calls: int
    whole_ms: float
    runs: int

    @property
    def kernels_ms(self) -> float:
        """The sum of the kernels."""
        return sum(kernel.ms for kernel in self.kernels)


def network_profile(profile: CallProfile, peak: Peak | None) -> NetworkProfile:
    """Group the calls of a profile by kernel.

    Args:
        profile: What the device timed.
        peak: The core's ceilings; None: not known.
    """
    runs = faster_half(profile.runs)
    by_key: dict[str, list[int]] = {}
    for position, call in enumerate(profile.calls):
        if not is_machine_call(call.name):
            by_key.setdefault(key_of(call.name), []).append(position)
    labels = kernel_labels(by_key)
    kernels = [
        _kernel(key, labels[key], positions, profile.calls, runs, peak) for key, positions in by_key.items()
    ]
    whole_ms = fmean(run.whole_ms for run in runs)
    return NetworkProfile(
        kernels=tuple(sorted(kernels, key=lambda kernel: -kernel.ms)),
        machine_ms=whole_ms - sum(kernel.ms for kernel in kernels),
        machine_calls=sum(is_machine_call(call.name) for call in profile.calls),
        whole_ms=whole_ms,
        runs=len(profile.runs),
    )


def faster_half(runs: Sequence[ProfiledRun]) -> list[ProfiledRun]:
    """Return the faster half of some runs, at least one; of an odd number the one in the middle too."""
    return sorted(runs, key=lambda run: run.whole_ms)[: (len(runs) + 1) // 2]


def typical_ms(samples: Sequence[float]) -> float:
    """Return the mean of the faster half of some times, to be compared with `NetworkProfile.whole_ms`."""
    return fmean(sorted(samples)[: (len(samples) + 1) // 2])


def is_machine_call(name: str) -> bool:
    """Whether a call is the virtual machine's own, for memory and shapes."""
    return name.startswith(_MACHINE_PREFIX)


def key_of(name: str) -> str:
    """Return a kernel's key; a name outside of the grammar, of a function that TVM fused, is its own."""
    from tvm_schedules.errors import KernelError
    from tvm_schedules.tuning.request import kernel_key

    try:
        return kernel_key(name)
    except KernelError:
        return name


def kind_and_macs(key: str) -> tuple[Kind, int]:
    """Return what a kernel multiplies, and how many multiply-accumulates a call of it is."""
    from tvm_schedules.errors import KernelError
    from tvm_schedules.products import multiply_accumulates, product_class
    from tvm_schedules.tuning.request import parse_kernel_key

    try:
        name = parse_kernel_key(key)
    except KernelError:
        return "glue", 0
    return product_class(name) or "glue", multiply_accumulates(name)


def _kernel(
    key: str,
    label: str,
    positions: Sequence[int],
    calls: Sequence[Call],
    runs: Sequence[ProfiledRun],
    peak: Peak | None,
) -> KernelTime:
    samples = [sum(run.calls_ms[i] for i in positions) for run in runs]
    ms = max(fmean(samples), _CLOCK_MS)
    kind, macs = kind_and_macs(key)
    return KernelTime(
        key=key,
        label=label,
        kind=kind,
        calls=len(positions),
        ms=ms,
        min_ms=min(samples),
        macs=macs * len(positions),
        tensor_bytes=sum(calls[i].tensor_bytes for i in positions),
        of_ceiling=peak.share(key, ms * 1e-3 / len(positions)) if peak and kind != "glue" else None,
    )
