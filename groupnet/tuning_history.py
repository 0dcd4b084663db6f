"""What tuning records tell when read in order: for each place and kernel the way to its winner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from android_runner.tuning.records import Conditions, Record


@dataclass(frozen=True)
class KernelHistory:
    """One kernel's measurements at one place, oldest first.

    Attributes:
        key: the kernel's.
        trials: measurements of choices.
        winner: the last confirmed record; None where nothing was confirmed yet.
    """

    key: str
    trials: tuple[Record, ...]
    winner: Record | None

    @property
    def failures(self) -> tuple[Record, ...]:
        """Measurements that gave no time."""
        return tuple(record for record in self.trials if record.ratio is None)

    @property
    def best(self) -> tuple[float, ...]:
        """Best time so far after each trial as a share of the default's; the default is a choice too."""
        best, curve = 1.0, []
        for record in self.trials:
            best = min(best, record.ratio or best)
            curve.append(best)
        return tuple(curve)

    @property
    def default_seconds(self) -> float | None:
        """Smallest time of the default."""
        return min(self._defaults(), default=None)

    @property
    def drift(self) -> float | None:
        """Largest over smallest time of the default: what else the machine was doing."""
        defaults = self._defaults()
        return max(defaults) / min(defaults) if defaults else None

    @property
    def gain(self) -> float | None:
        """Share of the default's time that the winner saves; 0 where the default won."""
        return None if self.winner is None or self.winner.ratio is None else 1 - self.winner.ratio

    def _defaults(self) -> list[float]:
        return [record.default_seconds for record in self.trials if record.default_seconds]


@dataclass(frozen=True)
class PlaceHistory:
    """What was measured on one type of core with one number of threads.

    Attributes:
        core, threads: which.
        emulated: the processor was emulated: times are no latencies.
        where: under which conditions, without repetitions.
        kernels: in the order of their first measurement.
    """

    core: str
    threads: int
    emulated: bool
    where: tuple[Conditions, ...]
    kernels: tuple[KernelHistory, ...]

    @property
    def trials(self) -> int:
        """Measurements of choices."""
        return sum(len(kernel.trials) for kernel in self.kernels)

    @property
    def failures(self) -> tuple[Record, ...]:
        """Measurements that gave no time."""
        return tuple(record for kernel in self.kernels for record in kernel.failures)


def place_histories(records: Iterable[Record]) -> tuple[PlaceHistory, ...]:
    """Sort timed records by place and kernel; real processors first."""
    places: dict[tuple[bool, str, int], list[Record]] = {}
    for record in records:
        if record.obtained != "timed":
            continue
        told = record.conditions
        places.setdefault((told.emulated, told.core, told.threads), []).append(record)
    return tuple(
        PlaceHistory(
            core=core,
            threads=threads,
            emulated=emulated,
            where=tuple(dict.fromkeys(record.conditions for record in of_place)),
            kernels=_kernels(of_place),
        )
        for (emulated, core, threads), of_place in sorted(places.items())
    )


def _kernels(records: Sequence[Record]) -> tuple[KernelHistory, ...]:
    """What was compared with an earlier default is left out: it is another story."""
    defaults = {record.key: record.default for record in records}
    current = [record for record in records if record.default == defaults[record.key]]
    return tuple(
        KernelHistory(
            key,
            tuple(record for record in current if record.key == key and not record.confirmed),
            next((r for r in reversed(current) if r.key == key and r.confirmed and r.outcome == "ok"), None),
        )
        for key in dict.fromkeys(record.key for record in current)
    )
