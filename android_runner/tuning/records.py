"""Records of measured choices: one file of JSON lines for each type of core, appended to and never rewritten.

A line is one measurement. Several tuners may append to one file at once: each line is one write under a lock.
A line that cannot be read (a disk that was full, a machine that lost its power) is skipped and counted.
"""

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from android_runner.errors import RecordsError
from android_runner.tuning.device_state import DeviceState

SUFFIX = ".jsonl"

Obtained = Literal["timed", "estimated", "counted"]
"""How a record came about: by time; or, where there was no processor to time on, by cycles that a model of it
tells of what was executed, or by the number of executed instructions alone."""

TRUST: dict[Obtained, int] = {"counted": 0, "estimated": 1, "timed": 2}
"""Of two records of a kernel the one that was obtained in a better way chooses."""

Outcome = Literal["ok", "wrong", "failed", "crashed", "timeout"]
"""Of a measurement: timed; other numbers than the default's; an error; the process died; it took too long."""


class Conditions(BaseModel):
    """Where and with what something was measured; measurements under other conditions are not compared.

    Attributes:
        core: LLVM's name of the core.
        cpu: the processor's name as its maker gives it; of a phone, its cores.
        threads: of the kernels.
        tvm, groupnet: versions.
        emulated: instructions were emulated, so that the times are no latencies and choose nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    core: str
    cpu: str
    threads: int
    tvm: str
    groupnet: str
    emulated: bool = False


class Record(BaseModel):
    """One measurement of a choice.

    Attributes:
        key: the kernel's (`tvm_schedules.tuning.request.kernel_key`).
        choice: what it was built with, as `Choice` writes it.
        default: what it was compared with; where another version of the kernels has another default, the
            record says nothing.
        outcome: what came of it.
        reason: one line, of everything but "ok".
        seconds: smallest time of a call; None unless "ok".
        default_seconds: the same of the default choice, measured in turns with it.
        obtained: by time, by cycles or by instructions.
        instructions: executed in one call; None where it was timed.
        default_instructions: the same of the default choice.
        cycles: of one call; None unless estimated.
        default_cycles: the same of the default choice.
        confirmed: measured again at the end, longer: only such records choose kernels.
        conditions: where.
        device: the phone at that moment; None of this machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    key: str
    choice: str
    default: str
    outcome: Outcome
    reason: str = ""
    seconds: float | None = None
    default_seconds: float | None = None
    obtained: Obtained = "timed"
    instructions: int | None = None
    default_instructions: int | None = None
    cycles: int | None = None
    default_cycles: int | None = None
    confirmed: bool = False
    conditions: Conditions
    device: DeviceState | None = None

    @property
    def ratio(self) -> float | None:
        """Time as a share of the default's; below 1 is faster; None of what was not timed."""
        if self.seconds is None or not self.default_seconds:
            return None
        return self.seconds / self.default_seconds


@dataclass
class Database:
    """A folder of records.

    Attributes:
        folder: made when the first record is added.
        skipped: lines that the last reading could not use, as `FILE:LINE`.
    """

    folder: Path
    skipped: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Append a record to the file of its core.

        Raises:
            RecordsError: there is no space for it; what was there before stays as it is.
            OSError: the file cannot be opened.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{record.conditions.core}{SUFFIX}"
        with path.open("ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            # A line that was cut short must not take this one with it.
            torn = end > 0 and _byte_before(file.fileno(), end) != b"\n"
            line = b"\n" * torn + record.model_dump_json().encode() + b"\n"
            try:
                written = file.write(line)
                reason = f"{written} of {len(line)} bytes were taken"
            except OSError as exc:
                written, reason = 0, str(exc.strerror)
            if written != len(line):
                file.truncate(end)
                raise RecordsError(
                    f"expected space for a record in {path}; got none ({reason}); make space and run it "
                    "again: all earlier records are kept"
                )

    def cores(self) -> list[str]:
        """Types of cores that there are records of, sorted."""
        return sorted(path.stem for path in self.folder.glob(f"*{SUFFIX}"))

    def read(self, core: str) -> list[Record]:
        """Return all usable records of a type of core, oldest first; none where there is no file."""
        self.skipped = []
        return self._lines(core)

    def read_all(self) -> list[Record]:
        """Return all usable records of all cores, one core after the other, oldest first."""
        self.skipped = []
        return [record for core in self.cores() for record in self._lines(core)]

    def _lines(self, core: str) -> list[Record]:
        path = self.folder / f"{core}{SUFFIX}"
        records, skipped = read_lines(path) if path.is_file() else ([], [])
        self.skipped += skipped
        return records

    def add_new(self, records: Iterable[Record]) -> int:
        """Append the records that are not here yet, raising what `add` does; return how many."""
        known: dict[str, set[Record]] = {}
        added = 0
        for record in records:
            core = record.conditions.core
            of_core = known[core] if core in known else known.setdefault(core, set(self.read(core)))
            if record not in of_core:
                self.add(record)
                of_core.add(record)
                added += 1
        return added

    def merge(self, other: "Database") -> int:
        """Append the other folder's records that are not here yet; return how many."""
        return sum(self.add_new(other.read(core)) for core in other.cores())


def read_lines(path: Path) -> tuple[list[Record], list[str]]:
    """Read a file of records; return them, oldest first, and the lines that cannot be used as `FILE:LINE`."""
    records, skipped = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError:
            skipped.append(f"{path}:{number}")
    return records, skipped


def best_records(records: Iterable[Record], threads: int) -> dict[str, Record]:
    """Return for each kernel the choice that won: the last confirmed record for a number of threads.

    A kernel whose default won has a record too, of ratio 1. Times of emulated processors choose nothing;
    cycles estimated of what they executed do where no time was taken, and where there are none, instructions.
    """
    best: dict[str, Record] = {}
    for record in records:
        if not record.confirmed or record.outcome != "ok" or record.conditions.threads != threads:
            continue
        if record.conditions.emulated and record.obtained == "timed":
            continue
        known = best.get(record.key)
        if known is None or TRUST[record.obtained] >= TRUST[known.obtained]:
            best[record.key] = record
    return best


def _byte_before(descriptor: int, end: int) -> bytes:
    return os.pread(descriptor, 1, end - 1)
