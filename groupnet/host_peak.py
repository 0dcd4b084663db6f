"""Measures what this machine multiplies at most, beside a tuning, where that tuning is of this machine."""

from collections.abc import Callable
from pathlib import Path

from groupnet.tuned_kernels import core_of
from groupnet.tuning_ceilings import Peak, Peaks
from groupnet.tuning_device import TuningDevice

_RUNS = 5


def measure_host_peak(
    folder: Path, device: TuningDevice, threads: int, say: Callable[[str], None]
) -> Peak | None:
    """Time loops on registers (`benchmarks.ceilings`), and keep the largest rates with a folder's records.

    Of another device, or of code for another core than this machine's, what is kept there is returned; None
    where that is nothing, or this machine has no compiler.

    Raises:
        OSError: the file beside the records cannot be written.
    """
    from android_runner.probe import host_cpu_name
    from benchmarks.errors import BenchmarkError
    from tvm_schedules.targets import resolve_target

    core = core_of(device.target)
    if (device.cpu, core) != (host_cpu_name(), core_of(resolve_target("host"))):
        return Peaks(folder).find(core, threads)
    try:
        measured = host_peak(core, threads)
    except BenchmarkError as exc:
        say(f"note: no ceiling: {exc}")
        return None
    return Peaks(folder).add(measured)


def host_peak(core: str, threads: int) -> Peak:
    """Time loops on registers (`benchmarks.ceilings`) on this machine now.

    Raises:
        BenchmarkError: it has no compiler.
    """
    from benchmarks.ceilings import ceilings

    with ceilings(threads) as limits:
        binary, floats = (
            limit.rate(min(sample for _ in range(_RUNS) for sample in limit.measure()))
            for limit in (limits.binary, limits.float)
        )
    return Peak(core=core, threads=threads, binary_macs_s=binary, float_macs_s=floats)
