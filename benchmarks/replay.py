"""Searches replayed against times that were measured once: as many seeds and budgets as one likes."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.session import CONFIRMING_ROUNDS, KernelResult, Session
from android_runner.tuning.worker import Answer, Job
from benchmarks.errors import BenchmarkError
from tvm_schedules.tuning.request import KernelRequest, KernelTask

Key = tuple[str, str]
"""A kernel's key and a choice."""


@dataclass(frozen=True)
class Table:
    """What was measured of some kernels.

    Attributes:
        seen: what a search is told of a choice.
        judged: the same choice measured again, longer: what a search confirms, and what it gained, is by
            these. A choice that is not here was too slow to be measured twice.
    """

    seen: Mapping[Key, Record]
    judged: Mapping[Key, Record]

    def answer(self, key: str, choice: str, *, judging: bool) -> Answer:
        """Return what measuring would have returned.

        Raises:
            BenchmarkError: it was never measured.
        """
        record = self.judged.get((key, choice)) if judging else None
        record = record or self.seen.get((key, choice))
        if record is None:
            raise BenchmarkError(
                f"expected a time of {choice} for {key}; got none; measure the rest: "
                "python -m benchmarks.transfer --measure"
            )
        return Answer(record.outcome, record.reason, record.seconds, record.default_seconds)


class Replayed:
    """Answers jobs by a table; stands where a measuring process would."""

    def __init__(self, table: Table, keys: Mapping[KernelRequest, str]) -> None:
        """Take the times, and the keys of the kernels that will be asked for."""
        self._table, self._keys = table, keys

    def measure(self, job: Job) -> Answer:
        """Answer at once."""
        judging = job.rounds == CONFIRMING_ROUNDS
        return self._table.answer(self._keys[job.request], str(job.choice), judging=judging)


def read_table(seen: Iterable[Record], judged: Iterable[Record]) -> Table:
    """Make a table of records; confirmations are no measurements of their own, and are left out."""
    one, two = ({(r.key, r.choice): r for r in records if not r.confirmed} for records in (seen, judged))
    return Table(one, two)


def replay(
    tasks: Sequence[KernelTask],
    target: object,
    table: Table,
    conditions: Conditions,
    budgets: Sequence[int],
    *,
    known: Iterable[Record] = (),
    seed: int = 0,
) -> list[float]:
    """Search once, and return the gain after each budget: the share of the network's time that is saved.

    The time is that of the kernels with a space, each as often as it is called.

    Args:
        tasks: the kernels.
        target: what they are built for.
        table: their times.
        conditions: those of the table.
        budgets: numbers of trials, rising.
        known: records that the search starts with.
        seed: of the search.
    """
    keys = {task.request: task.key for task in tasks}
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder))
        for record in known:
            database.add(record)
        session = Session(tasks, target, database, conditions, Replayed(table, keys), seed=seed)
        return [gain(session.run(budget, None, lambda *_: None), table) for budget in budgets]


def gain(results: Sequence[KernelResult], table: Table) -> float:
    """Return the saved share of the time of all kernels, by their winners' judged times."""
    defaults = default_seconds(table)
    before = sum(result.task.calls * defaults[result.task.key] for result in results)
    saved = 0.0
    for result in results:
        if result.winner is not None and result.winner.ratio is not None:
            saved += result.task.calls * defaults[result.task.key] * (1 - result.winner.ratio)
    return saved / before


def default_seconds(table: Table) -> dict[str, float]:
    """Return the smallest time of each kernel's default."""
    smallest: dict[str, float] = {}
    for (key, _), record in table.seen.items():
        if record.default_seconds is not None:
            smallest[key] = min(record.default_seconds, smallest.get(key, float("inf")))
    return smallest


def gain_of_best(tasks: Sequence[KernelTask], table: Table) -> float:
    """Return the saved share if every kernel had the best of its choices, by judged times."""
    defaults = default_seconds(table)
    best = {task.key: 1.0 for task in tasks}
    for (key, _), record in table.judged.items():
        if key in best and record.ratio is not None:
            best[key] = min(best[key], record.ratio)
    before = sum(task.calls * defaults[task.key] for task in tasks)
    return sum(task.calls * defaults[task.key] * (1 - best[task.key]) for task in tasks) / before
