"""What kernels are built with: the winners of a user's records and of those that this project ships.

`shipped_records/` has a file for each type of core; its README says how each was obtained.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_runner.tuning.records import Database, Record, best_records
from groupnet.errors import TuningError

if TYPE_CHECKING:
    from tvm_schedules.tuning.choice import Choice
    from tvm_schedules.tuning.request import KernelRequest


SHIPPED = Path(__file__).with_name("shipped_records")


def core_of(target: Any) -> str:
    """The type of core that a target is for, by which records are kept."""
    return str(target.attrs.get("mcpu", "")) or "generic"


@dataclass
class TunedKernels:
    """Chooses by records; a `tvm_schedules.tuning.request.Chooser`.

    Attributes:
        records: the winner of each kernel by key.
        tuned: keys of kernels that were built by a record.
        untuned: keys of kernels that have a space and no record.
    """

    records: dict[str, Record]
    tuned: list[str] = field(default_factory=list)
    untuned: list[str] = field(default_factory=list)

    def __call__(self, request: "KernelRequest", target: Any) -> "Choice | None":
        """Return the recorded choice, where it is one of the kernel's space."""
        from tvm_schedules.tuning.request import kernel_key, kernel_name
        from tvm_schedules.tuning.spaces import kernel_space

        space = {str(choice): choice for choice in kernel_space(request, target)}
        if not space:
            return None
        key = kernel_key(kernel_name(request.build(target)))
        record = self.records.get(key)
        # Records outlive kernels: a choice that is no longer offered, or won over another default, is none.
        choice = space.get(record.choice) if record and record.default == next(iter(space)) else None
        (self.tuned if choice else self.untuned).append(key)
        return choice


def tuned_kernels(folder: Path | None, target: Any, threads: int, say: Callable[[str], None]) -> TunedKernels:
    """Read the winners for a target's core: the folder's, and for all other kernels those shipped.

    Raises:
        TuningError: there is no such folder.
    """
    core = core_of(target)
    shipped = best_records(Database(SHIPPED).read(core), threads)
    if folder is None:
        return TunedKernels(shipped)
    if not folder.is_dir():
        raise TuningError(f"expected a folder of tuning records; no {folder}; `groupnet tune` makes one")
    database = Database(folder)
    measured = database.read(core)
    for line in database.skipped:
        say(f"note: skipped an unreadable record at {line}")
    if emulated := sum(record.conditions.emulated and record.obtained == "timed" for record in measured):
        say(f"note: {emulated} records of emulated processors choose nothing: such times are no latencies")
    return TunedKernels(shipped | best_records(measured, threads))


def chosen_kernels(
    folder: Path | None, *, untuned: bool, target: Any, threads: int, say: Callable[[str], None]
) -> TunedKernels | None:
    """What the options `--db` and `--untuned` ask for; None: every kernel by its default.

    Raises:
        TuningError: both are given, or there is no such folder.
    """
    if not untuned:
        return tuned_kernels(folder, target, threads, say)
    if folder is not None:
        raise TuningError(
            f"expected --db or --untuned; got --db {folder} and --untuned; leave out one of them"
        )
    return None


def describe_use(kernels: TunedKernels, folder: Path | None) -> str:
    """One sentence on what was built by a record; where the user gave records, on what had none, too."""
    total = len(kernels.tuned) + len(kernels.untuned)
    missing = f"; no record of {', '.join(kernels.untuned)}" if kernels.untuned and folder else ""
    return f"{len(kernels.tuned)} of {total} tunable kernels built by a record{missing}"
