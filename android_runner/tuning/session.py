"""One tuning of a model's kernels: measure until trials or time run out, then the winners again.

Choices are measured in turns with the default, and compared by the ratio of the two: a machine that slows
down or speeds up does so for both. The best of many noisy times is too good to be true, so the best few of
each kernel are measured again, longer, and only that decides (`Record.confirmed`).
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from android_runner.tuning.concurrent_jobs import Measurer, measure_all
from android_runner.tuning.cost_model import CostModel, Sample
from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.search import KernelSearch, next_kernel, propose
from android_runner.tuning.transfer import same_conditions, samples
from android_runner.tuning.worker import Answer, Job
from tvm_schedules.errors import KernelError
from tvm_schedules.tuning.choice import Choice, parse_choice
from tvm_schedules.tuning.request import KernelTask
from tvm_schedules.tuning.spaces import kernel_space

BATCH = 8
FIRST_GUESSES = 2
"""Size of a kernel's first batch where the cost model knows other kernels."""

ROUNDS = 8
CONFIRMING_ROUNDS = 40
FINALISTS = 3

FASTER = 0.99
"""A choice wins over the default below this share of its time; less is noise."""


@dataclass(frozen=True)
class KernelResult:
    """What is known of a kernel when tuning ends.

    Attributes:
        task: the kernel.
        space: number of its choices.
        tried: how many were measured, in this session and before.
        measured: how many in this session.
        winner: the confirmed record; None where nothing was measured.
        drift: largest over smallest time of the default in this session; 1 where there are fewer than two.
    """

    task: KernelTask
    space: int
    tried: int
    measured: int
    winner: Record | None
    drift: float


class Session:
    """Tunes kernels, and keeps every measurement in a database as it comes."""

    def __init__(
        self,
        tasks: Sequence[KernelTask],
        target: object,
        database: Database,
        conditions: Conditions,
        measurer: Measurer,
        *,
        seed: int = 0,
        parallel: int = 1,
    ) -> None:
        """Take up what the database knows of these kernels under these conditions.

        Args:
            tasks: the kernels.
            target: what they are built for.
            database: where records are read and added.
            conditions: under which all of them are measured.
            measurer: what measures.
            seed: of the proposals.
            parallel: how many jobs the measurer takes at once.
        """
        self._target, self._database, self._conditions = target, database, conditions
        self._measurer, self._random, self._model = measurer, random.Random(seed), CostModel()
        self._parallel = parallel
        self.searches = [KernelSearch(task, kernel_space(task.request, target)) for task in tasks]
        self.trials = 0
        self._measured: dict[str, int] = {task.key: 0 for task in tasks}
        self._defaults: dict[str, list[float]] = {task.key: [] for task in tasks}
        self._winners: dict[str, Record] = {}
        self._resume()

    def run(
        self, trials: int, time_limit_s: float | None, tell: Callable[[KernelSearch, Answer], None]
    ) -> list[KernelResult]:
        """Measure up to `trials` new choices, then confirm; both end early at the time limit.

        Raises:
            MeasuringProcessError, DevicesGoneError: nothing can be measured (any more).
            RecordsError, OSError: a record cannot be written.
        """
        end = float("inf") if time_limit_s is None else time.monotonic() + time_limit_s
        while self.trials < trials and time.monotonic() < end:
            search = next_kernel(self.searches, self._model)
            if search is None:
                break
            # What is known of other kernels says what to try first; without it a sample at random does.
            count = FIRST_GUESSES if self._model.ready and not search.tried else BATCH
            self._batch(search, min(count, trials - self.trials), end, tell)
        for search in self.searches:
            if search.ratios and search.task.key not in self._winners:
                self._confirm(search)
        return [self._result(search) for search in self.searches]

    def _resume(self) -> None:
        of_key = {search.task.key: search for search in self.searches}
        records = self._database.read_all()
        self._model.learn(samples(records, self._conditions))
        for record in records:
            search = of_key.get(record.key)
            if search is None or record.obtained != "timed":
                continue
            if not same_conditions(record.conditions, self._conditions):
                continue
            if record.default != str(search.space[0]):
                continue
            if record.confirmed:
                self._winners[record.key] = record
                continue
            try:
                choice = parse_choice(record.choice)
            except KernelError:
                continue  # of another version of the kernels
            search.tried.add(choice)
            # What was measured after the last confirmation may hold a new winner.
            self._winners.pop(record.key, None)
            if record.ratio is not None and record.default_seconds is not None:
                search.ratios[choice] = record.ratio
                search.default_seconds = record.default_seconds

    def _batch(
        self, search: KernelSearch, count: int, end: float, tell: Callable[[KernelSearch, Answer], None]
    ) -> None:
        before, key = search.best_ratio, search.task.key
        learnt = [] if search.ratios else [Sample(key, search.space[0], 1.0)]
        self._winners.pop(key, None)
        proposed = propose(search, self._model, count, self._random)
        for job, answer in self._answers(search, proposed, ROUNDS, end):
            choice = job.choice
            record = self._record(search, str(choice), answer)
            self._database.add(record)
            search.tried.add(choice)
            self.trials += 1
            self._measured[key] += 1
            if record.ratio is not None and record.default_seconds is not None:
                search.ratios[choice] = record.ratio
                search.default_seconds = record.default_seconds
                self._defaults[key].append(record.default_seconds)
                learnt.append(Sample(key, choice, record.ratio))
            tell(search, answer)
        self._model.learn(learnt)
        search.recent_gain = before - search.best_ratio

    def _confirm(self, search: KernelSearch) -> None:
        finalists = sorted(search.ratios, key=search.ratios.__getitem__)[:FINALISTS]
        answers = self._answers(search, finalists, CONFIRMING_ROUNDS)
        records = [self._record(search, str(job.choice), answer) for job, answer in answers]
        timed = [record for record in records if record.ratio is not None]
        if not timed:
            return
        self._defaults[search.task.key] += [record.default_seconds or 0.0 for record in timed]
        winner = min(timed, key=lambda record: record.ratio or 1.0)
        if (winner.ratio or 1.0) >= FASTER:
            default = {"choice": str(search.space[0]), "seconds": winner.default_seconds}
            winner = winner.model_copy(update=default)
        confirmed = winner.model_copy(update={"confirmed": True})
        self._database.add(confirmed)
        self._winners[search.task.key] = confirmed

    def _answers(
        self, search: KernelSearch, choices: Sequence[Choice], rounds: int, end: float = float("inf")
    ) -> Iterator[tuple[Job, Answer]]:
        jobs = [Job(search.task.request, choice, str(self._target), rounds) for choice in choices]
        return measure_all(self._measurer, jobs, self._parallel, end)

    def _record(self, search: KernelSearch, choice: str, answer: Answer) -> Record:
        return Record(
            key=search.task.key,
            choice=choice,
            default=str(search.space[0]),
            outcome=answer.outcome,
            reason=answer.reason,
            seconds=answer.seconds,
            default_seconds=answer.default_seconds,
            conditions=self._conditions,
            device=answer.device,
        )

    def _result(self, search: KernelSearch) -> KernelResult:
        key, defaults = search.task.key, self._defaults[search.task.key]
        return KernelResult(
            task=search.task,
            space=len(search.space),
            tried=len(search.tried),
            measured=self._measured[key],
            winner=self._winners.get(key),
            drift=max(defaults) / min(defaults) if defaults else 1.0,
        )
