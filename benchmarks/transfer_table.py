"""Measure once what replayed searches are judged by: all choices of kernels, the good ones twice."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from android_runner.probe import host_cpu_name
from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.session import CONFIRMING_ROUNDS, Session
from android_runner.tuning.worker import Job, Worker
from benchmarks.replay import Table, read_table
from groupnet.model_source import Request
from groupnet.tune import MEASUREMENT_LIMIT_S, model_kernels
from groupnet.tuned_kernels import core_of
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import parse_choice
from tvm_schedules.tuning.request import KernelTask

NEAR_BEST = 1.05
"""Choices up to this multiple of their kernel's best time are measured twice."""

OTHER_TRIALS = 384
"""Records that a search may start with, of each kind: what one tuning of another network leaves."""

OTHER_CORE = "haswell"
"""Code of AVX2 is what the records of another core are of: this machine runs it, and other tiles suit it."""

Say = Callable[[str], None]


def host_conditions(target: Any) -> Conditions:
    """Return the conditions of one thread of this machine, for code of a target."""
    return Conditions(
        core=core_of(target),
        cpu=host_cpu_name(),
        threads=1,
        tvm=version("apache-tvm"),
        groupnet=version("groupnet"),
    )


def measure_table(folder: Path, tasks: Sequence[KernelTask], other: Request, say: Say) -> None:
    """Measure what is missing in the folders `seen`, `judged`, `other-network` and `other-core`.

    Raises:
        MeasuringProcessError: nothing can be measured.
        OSError: a record cannot be written.
    """
    target, elsewhere = resolve_target("host"), resolve_target(OTHER_CORE)
    _tune(folder / "other-network", model_kernels(other, target, say), target, OTHER_TRIALS, say)
    _tune(folder / "other-core", model_kernels(other, elsewhere, say), elsewhere, OTHER_TRIALS, say)
    _tune(folder / "seen", tasks, target, None, say)
    _judge(folder, tasks, target, say)


def load_table(folder: Path, core: str) -> Table:
    """Read the times of a core; `replay` says what is missing."""
    seen, judged = (Database(folder / part).read(core) for part in ("seen", "judged"))
    return read_table(seen, judged)


def _tune(folder: Path, tasks: Sequence[KernelTask], target: Any, trials: int | None, say: Say) -> None:
    """Tune as `groupnet tune` would, up to a number of records in all; None: every choice."""
    database, conditions = Database(folder), host_conditions(target)
    known = sum(not record.confirmed for record in database.read(conditions.core))
    with Worker(1, MEASUREMENT_LIMIT_S) as worker:
        session = Session(tasks, target, database, conditions, worker)
        every = sum(len(search.space) for search in session.searches)
        left = every if trials is None else max(0, trials - known)
        session.run(left, None, lambda *_: say(f"{folder.name}: {known + session.trials} measured"))


def _judge(folder: Path, tasks: Sequence[KernelTask], target: Any, say: Say) -> None:
    conditions = host_conditions(target)
    table, judged = load_table(folder, conditions.core), Database(folder / "judged")
    with Worker(1, MEASUREMENT_LIMIT_S) as worker:
        for task in tasks:
            for record in near_best(table, task.key):
                if (task.key, record.choice) in table.judged:
                    continue
                say(f"judged: {record.choice} of {task.key}")
                job = Job(task.request, parse_choice(record.choice), str(target), CONFIRMING_ROUNDS)
                answer = worker.measure(job)
                update = {
                    "outcome": answer.outcome,
                    "reason": answer.reason,
                    "seconds": answer.seconds,
                    "default_seconds": answer.default_seconds,
                    "conditions": conditions,
                }
                judged.add(record.model_copy(update=update))


def near_best(table: Table, key: str) -> list[Record]:
    """Return the records of a kernel's fast choices, fastest first."""
    timed = [(record.ratio, record) for (one, _), record in table.seen.items() if one == key]
    ratios = [(ratio, record) for ratio, record in timed if ratio is not None]
    limit = NEAR_BEST * min((ratio for ratio, _ in ratios), default=0.0)
    return [record for ratio, record in sorted(ratios, key=lambda pair: pair[0]) if ratio <= limit]
