"""What `groupnet tune` measures on: this machine, a phone, or all phones of a key of a tracker."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from android_runner.errors import DeviceError
from groupnet.errors import TuningError
from groupnet.tuned_kernels import core_of

if TYPE_CHECKING:
    from android_runner.tuning.concurrent_jobs import Measurer
    from android_runner.tuning.records import Conditions

MEASUREMENT_LIMIT_S = 30.0
"""What a choice that hangs costs."""

CALL_LIMIT_S = 15.0
"""The same of a single call on a phone; a measurement is several."""

FREE_PHONE_WAIT_S = 15.0
"""How long a phone of a rack may take to become free, which includes starting its server anew."""


@dataclass(frozen=True)
class TuningDevice:
    """Where kernels are measured.

    Attributes:
        target: what they are built for.
        cpu: the processor, or a phone's cores.
        emulated: its times are no latencies.
        parallel: how many measurements it takes at once.
        max_threads: as many as the cores that it may use; None where nothing is known of that.
        open_measurer: makes a measurer for a number of threads, as a context manager.
    """

    target: Any
    cpu: str
    emulated: bool
    parallel: int
    max_threads: int | None
    open_measurer: "Callable[[int], AbstractContextManager[Measurer]]"

    def check_threads(self, threads: int) -> None:
        """Raise TuningError if it cannot run so many."""
        if self.max_threads is not None and threads > self.max_threads:
            raise TuningError(
                f"expected at most {self.max_threads} threads, one for each core that may be used; got "
                f"{threads}; ask for fewer, or choose other --cores"
            )

    def conditions(self, threads: int) -> "Conditions":
        """What is recorded with every measurement."""
        from android_runner.tuning.records import Conditions

        return Conditions(
            core=core_of(self.target),
            cpu=self.cpu,
            threads=threads,
            tvm=version("apache-tvm"),
            groupnet=version("groupnet"),
            emulated=self.emulated,
        )


def tuning_device(spec: str, cores: str | None, target: str | None) -> TuningDevice:
    """Ask the device that `spec` names who it is.

    Args:
        spec: `host`, a phone as `open_device` takes it, or `tracker:HOST:PORT/KEY` for all phones of a key.
        cores: which of a phone's cores, as `phone_cores.choose_cores` takes it; None: the fastest ones.
        target: what to build for; None: what the device says that it is.

    Raises:
        TuningError: the device, the cores or the target do not go together.
        DeviceError, ScheduleError: see their trees.
    """
    if spec == "host":
        return _host(cores, target)
    if spec.startswith("tracker:"):
        return _rack(spec, cores, target)
    return _phone(spec, cores or "prime", target)


def _host(cores: str | None, target: str | None) -> TuningDevice:
    from android_runner.probe import host_cpu_name
    from android_runner.tuning.worker import Worker
    from tvm_schedules.targets import resolve_target

    if cores is not None:
        raise TuningError("expected --cores with a phone; got it with host; run under `taskset` instead")
    return TuningDevice(
        resolve_target(target or "host"),
        host_cpu_name(),
        emulated=False,
        parallel=1,
        max_threads=None,
        open_measurer=lambda threads: Worker(threads, MEASUREMENT_LIMIT_S),
    )


def _phone(spec: str, cores: str, target: str | None) -> TuningDevice:
    from android_runner.phone_cores import choose_cores, read_cores
    from android_runner.tuning.phone_answers import PhoneAnswers, patience_s
    from android_runner.tuning.phone_link import AdbLink, phone_named, target_for
    from android_runner.tuning.worker import Worker

    phone = phone_named(spec)
    with phone.transport() as transport:
        info = phone.describe(transport)
        core, said = target_for(transport, cores)
        count = len(choose_cores(read_cores(transport), cores))
    link = AdbLink(spec, cores)
    return TuningDevice(
        core_target(core, said, target),
        info.cpu,
        emulated=info.emulated,
        parallel=1,
        max_threads=count,
        open_measurer=lambda threads: Worker(
            threads, patience_s(CALL_LIMIT_S), PhoneAnswers(link, threads, CALL_LIMIT_S)
        ),
    )


def _rack(spec: str, cores: str | None, target: str | None) -> TuningDevice:
    from android_runner.rack.phone_info import phones_of
    from android_runner.rack.rack import Rack
    from android_runner.rack.tracked_link import TrackedLink
    from android_runner.rack.tracker_client import TrackerClient, parse_rack
    from android_runner.tuning.phone_answers import PhoneAnswers, patience_s
    from android_runner.tuning.worker import Worker

    if cores is not None:
        raise TuningError(
            "expected --cores with `groupnet agent`, which pins its phone; got it with a tracker"
        )
    address, key = parse_rack(spec)
    with TrackerClient(address) as client:
        phones = list(phones_of(client.summary(), key).values())
    kinds = sorted({(phone.core, phone.target, phone.emulated) for phone in phones})
    if len(kinds) != 1:
        found = ", ".join(core for core, _, _ in kinds) or "none"
        raise TuningError(
            f"expected phones of one kind under the key '{key}' at {address}; got {found}; "
            "give each kind a key of its own with `groupnet agent`"
        )
    ((core, said, emulated),) = kinds
    link = TrackedLink(address, key, core, FREE_PHONE_WAIT_S)

    def rack(threads: int) -> Rack:
        # Who finds no phone hands its job to another: there is nothing to wait for.
        answers = PhoneAnswers(link, threads, CALL_LIMIT_S, back_off_s=())
        return Rack([Worker(threads, patience_s(CALL_LIMIT_S), answers) for _ in phones])

    return TuningDevice(
        core_target(core, said, target),
        "; ".join(sorted({phone.cpu for phone in phones})),
        emulated=emulated,
        parallel=len(phones),
        max_threads=min(len(phone.state.cores) for phone in phones),
        open_measurer=rack,
    )


def core_target(core: str, said: str, asked: str | None) -> Any:
    """Return the target for a phone's cores.

    Args:
        core: their name as the phone gives it.
        said: the target that follows from what the phone says.
        asked: the target that was asked for, or None.

    Raises:
        TuningError: LLVM knows no such core.
    """
    from android_runner.phone_cores import llvm_name
    from tvm_schedules.errors import ScheduleError
    from tvm_schedules.targets import resolve_target

    if asked is not None:
        return resolve_target(asked)
    try:
        # Records of a core without a name would lie under that of the baseline.
        if llvm_name(core) is not None:
            return resolve_target(said)
    except ScheduleError:
        pass  # newer than this LLVM; said below
    raise TuningError(f"expected a core that LLVM knows; got {core}; say with --target what to build for")


def explain_end(error: DeviceError, trials: int) -> TuningError:
    """What to say when no device is left."""
    return TuningError(
        f"{str(error).rstrip('.')}; the {trials} measurements of this run are kept: run the same command "
        "again to go on"
    )
