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
            these.
    """

    seen: Mapping[Key, Record]
    judged: Mapping[Key, Record]

    def answer(self, key: str, choice: str, *, judging: bool) -> Answer:
        """Return what measuring would have returned.

        Raises:
            BenchmarkError: it was never measured.
        """
        record = (self.judged if judging else self.seen).get((key, choice))
        if record is None:
            raise BenchmarkError(
                f"expected a time of {choice} for {key}; got none; measure what is missing: "
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


class Finalists(Replayed):
    """The same, but notes what is to be judged; the answer is what was seen, since searches do not mind."""

    def __init__(self, table: Table, keys: Mapping[KernelRequest, str]) -> None:
        """Start without any."""
        super().__init__(Table(table.seen, table.seen), keys)
        self.asked: list[Key] = []

    def measure(self, job: Job) -> Answer:
        """Answer at once."""
        if job.rounds == CONFIRMING_ROUNDS:
            self.asked.append((self._keys[job.request], str(job.choice)))
        return super().measure(job)


def read_table(seen: Iterable[Record], judged: Iterable[Record]) -> Table:
    """Make a table of records; confirmations are no measurements of their own, and are left out."""
    one, two = ({(r.key, r.choice): r for r in records if not r.confirmed} for records in (seen, judged))
    return Table(one, two)


@dataclass(frozen=True)
class Setting:
    """What all searches have in common: kernels, their target, their times, and where those were measured."""

    tasks: Sequence[KernelTask]
    target: object
    table: Table
    conditions: Conditions


def replay(
    setting: Setting, budgets: Sequence[int], known: Iterable[Record] = (), seed: int = 0
) -> list[float]:
    """Search once, and return the gain after each budget: the share of the network's time that is saved.

    The time is that of the kernels with a space, each as often as it is called.

    Args:
        setting: the kernels and their times.
        budgets: numbers of trials, rising.
        known: records that the search starts with.
        seed: of the search.
    """
    results = _search(setting, Replayed(setting.table, _keys(setting)), budgets, known, seed)
    return [gain(one, setting.table) for one in results]


def finalists(
    setting: Setting, budgets: Sequence[int], known: Iterable[Record] = (), seed: int = 0
) -> list[Key]:
    """Search once, and return what would be confirmed after any budget, which `judged` does not change."""
    measurer = Finalists(setting.table, _keys(setting))
    _search(setting, measurer, budgets, known, seed)
    return list(dict.fromkeys(measurer.asked))


def _keys(setting: Setting) -> dict[KernelRequest, str]:
    return {task.request: task.key for task in setting.tasks}


def _search(
    setting: Setting, measurer: Replayed, budgets: Sequence[int], known: Iterable[Record], seed: int
) -> list[list[KernelResult]]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder))
        for record in known:
            database.add(record)
        session = Session(setting.tasks, setting.target, database, setting.conditions, measurer, seed=seed)
        for search in session.searches:
            # What was never measured is not offered.
            default, *others = search.space
            seen = [choice for choice in others if (search.task.key, str(choice)) in setting.table.seen]
            search.space = [default, *seen]
        return [session.run(budget, None, lambda *_: None) for budget in budgets]


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


def gain_of_best(setting: Setting) -> float:
    """Return the saved share if every kernel had the best of what was judged."""
    defaults = default_seconds(setting.table)
    best = {task.key: 1.0 for task in setting.tasks}
    for (key, _), record in setting.table.judged.items():
        if key in best and record.ratio is not None:
            best[key] = min(best[key], record.ratio)
    before = sum(task.calls * defaults[task.key] for task in setting.tasks)
    return sum(task.calls * defaults[task.key] * (1 - best[task.key]) for task in setting.tasks) / before
