"""`groupnet bench --profile`: where a bundle's time goes on a device, and what it takes besides."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from groupnet.kernel_profile import KernelTime, NetworkProfile, network_profile, typical_ms
from groupnet.running import Running

if TYPE_CHECKING:
    from android_runner.call_profile import CallProfile, Footprint
    from android_runner.throttling import Reading
    from groupnet.tuning_ceilings import Peak

ENERGY_NOTE = "estimate by the fuel gauge, of the whole phone"
EMULATED_CEILING = "emulated, not a ceiling"
_ENERGY_PATIENCE_S = 10.0
_READING_EVERY_S = 0.5


def profile_calls(running: Running, *, runs: int, threads: int) -> "CallProfile":
    """Time each call of `main` on the device, by the instrument of our server; raises DeviceError."""
    inputs = running.bundle.reference().inputs
    return running.module.profile("main", inputs, runs=runs, threads=threads)


class Ceiling(NamedTuple):
    """What a device can multiply at most.

    Attributes:
        peak: The rates; None: not known.
        known_from: Where they are known from, or why they are not.
        note: Why kernels are not held against them; None: they are.
    """

    peak: "Peak | None"
    known_from: str
    note: str | None = None


def find_ceiling(running: Running, threads: int, say: Callable[[str], None]) -> Ceiling:
    """Time loops on registers, on the host or by our server on a phone; raises DeviceError."""
    from benchmarks.errors import BenchmarkError
    from groupnet.host_peak import host_peak
    from groupnet.tuning_ceilings import Peak

    device = running.device
    say(f"measuring what {device.name} multiplies at most")
    if device.kind == "host":
        try:
            peak = host_peak(device.cpu, threads)
        except BenchmarkError as exc:
            return Ceiling(None, f"none: {exc}")
        return Ceiling(peak, "loops on registers, timed on this machine after the profile")
    timed = running.module.ceilings(threads=threads)
    if timed is None:
        return Ceiling(None, "none: the server there has no loops to time")
    return Ceiling(
        Peak(
            core=device.cpu,
            threads=threads,
            binary_macs_s=timed.binary_macs_s,
            float_macs_s=timed.float_macs_s,
        ),
        f"loops on registers ({timed.binary_by}, fmla), timed on this phone after the profile",
        EMULATED_CEILING if device.emulated else None,
    )


def keep_busy(run: Callable[[int], list[float]], readings: "list[Reading]") -> None:
    """Run on until the fuel gauge has been read often enough; not at all where there is none."""
    from android_runner.energy import FEWEST_READINGS

    give_up_s = time.monotonic() + _ENERGY_PATIENCE_S
    while readings and readings[0].watts is not None and len(readings) <= FEWEST_READINGS:
        if time.monotonic() > give_up_s:
            return
        run(max(1, int(1e3 * _READING_EVERY_S / max(statistics.median(run(1)), 1.0))))


def describe_energy(readings: "list[Reading]", run_ms: float) -> dict[str, Any] | None:
    """What a run costs of the battery, as `--json` prints it; None where the phone does not tell."""
    from android_runner.energy import estimate_energy

    energy = estimate_energy([reading.watts for reading in readings], run_ms)
    return None if energy is None else {**asdict(energy), "note": ENERGY_NOTE}


def describe_profile(
    profile: "CallProfile",
    samples_ms: Sequence[float],
    footprint: "Footprint",
    ceiling: Ceiling,
    energy: dict[str, Any] | None,
) -> dict[str, Any]:
    """What `bench --profile --json` prints as `profile`.

    Args:
        profile: The calls that the device timed.
        samples_ms: Whole runs without the instrument.
        footprint: What loading took, and memory.
        ceiling: As `find_ceiling` gives it.
        energy: As `describe_energy` gives it.
    """
    peak, known_from, note = ceiling
    network = network_profile(profile, peak if note is None else None)
    added = None
    if footprint.before_bytes is not None and footprint.peak_bytes is not None:
        added = footprint.peak_bytes - footprint.before_bytes
    return {
        "runs": network.runs,
        "whole_ms": network.whole_ms,
        "timed_ms": typical_ms(samples_ms),
        "kernels_ms": network.kernels_ms,
        "kernels_share": network.kernels_ms / network.whole_ms,
        "machine_ms": network.machine_ms,
        "machine_calls": network.machine_calls,
        "kernels": [_describe(kernel, network) for kernel in network.kernels],
        "ceiling": {
            "known_from": known_from,
            "binary_macs_s": peak.binary_macs_s if peak else None,
            "flop_s": 2 * peak.float_macs_s if peak else None,
            "note": note,
        },
        "load_ms": footprint.load_ms,
        "start_ms": profile.start_ms,
        "memory": {"peak_bytes": footprint.peak_bytes, "added_bytes": added},
        "energy": energy,
    }


def _describe(kernel: KernelTime, network: NetworkProfile) -> dict[str, Any]:
    is_float = kernel.kind == "float"
    rate = kernel.macs_s
    return {
        "key": kernel.key,
        "label": kernel.label,
        "kind": kernel.kind,
        "calls": kernel.calls,
        "ms": kernel.ms,
        "min_ms": kernel.min_ms,
        "share": kernel.ms / network.whole_ms,
        "bmac": kernel.macs if kernel.kind == "binary" else None,
        "flop": 2 * kernel.macs if is_float else None,
        "rate_s": None if rate is None else rate * (2 if is_float else 1),
        "of_ceiling": kernel.of_ceiling,
        "tensor_bytes": kernel.tensor_bytes,
        "bytes_s": kernel.bytes_s,
    }
