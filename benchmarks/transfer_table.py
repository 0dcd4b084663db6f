"""Measure once what replayed searches are told and judged by: choices of a network's kernels."""

import random
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from android_runner.probe import host_cpu_name
from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.session import CONFIRMING_ROUNDS, ROUNDS, Session
from android_runner.tuning.worker import Job, Worker
from benchmarks.replay import Key, Table, read_table
from groupnet.model_source import Request
from groupnet.tune import MEASUREMENT_LIMIT_S, model_kernels
from groupnet.tuned_kernels import core_of
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice, parse_choice
from tvm_schedules.tuning.request import KernelTask
from tvm_schedules.tuning.spaces import kernel_space

SEEN, JUDGED = "seen", "judged"
OTHER_NETWORK, OTHER_CORE = "other-network", "other-core"
"""Folders of a table."""

OTHER_TRIALS = 384
"""Records that a search may start with, of each kind: what one tuning of another network leaves."""

CORE = "haswell"
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


def load_table(folder: Path, core: str) -> Table:
    """Read the times of a core."""
    seen, judged = (Database(folder / part).read(core) for part in (SEEN, JUDGED))
    return read_table(seen, judged)


def measure_others(folder: Path, other: Request, say: Say) -> None:
    """Tune another network, as `groupnet tune` would, for this core and for another one.

    Raises:
        MeasuringProcessError: nothing can be measured.
        OSError: a record cannot be written.
    """
    for part, name in ((OTHER_NETWORK, "host"), (OTHER_CORE, CORE)):
        target = resolve_target(name)
        database, conditions = Database(folder / part), host_conditions(target)
        known = sum(not record.confirmed for record in database.read(conditions.core))
        if known >= OTHER_TRIALS:
            continue
        tasks = model_kernels(other, target, say)
        with Worker(1, MEASUREMENT_LIMIT_S) as worker:
            session = Session(tasks, target, database, conditions, worker)
            say(f"{part}: measuring up to {OTHER_TRIALS} choices")
            session.run(OTHER_TRIALS - known, None, lambda *_: None)


def measure_choices(folder: Path, tasks: Sequence[KernelTask], most: int, say: Say) -> None:
    """Measure up to so many choices of each kernel, drawn at random; raises what `measure_others` does."""
    target = resolve_target("host")
    wanted = [
        (task, choice) for task in tasks for choice in sampled(kernel_space(task.request, target), most)
    ]
    _measure(folder / SEEN, wanted, target, ROUNDS, say)


def measure_finalists(folder: Path, tasks: Sequence[KernelTask], asked: Iterable[Key], say: Say) -> None:
    """Measure again what searches would confirm; raises what `measure_others` does."""
    of_key = {task.key: task for task in tasks}
    wanted = [(of_key[key], parse_choice(choice)) for key, choice in asked]
    _measure(folder / JUDGED, wanted, resolve_target("host"), CONFIRMING_ROUNDS, say)


def sampled(space: Sequence[Choice], most: int) -> list[Choice]:
    """Draw choices other than the default, the same ones every time."""
    return random.Random(0).sample(space[1:], min(most, len(space) - 1))


def _measure(
    folder: Path, wanted: Sequence[tuple[KernelTask, Choice]], target: Any, rounds: int, say: Say
) -> None:
    database, conditions = Database(folder), host_conditions(target)
    known = {(record.key, record.choice) for record in database.read(conditions.core)}
    missing = [(task, choice) for task, choice in wanted if (task.key, str(choice)) not in known]
    with Worker(1, MEASUREMENT_LIMIT_S) as worker:
        for number, (task, choice) in enumerate(missing, start=1):
            answer = worker.measure(Job(task.request, choice, str(target), rounds))
            database.add(
                Record(
                    key=task.key,
                    choice=str(choice),
                    default=str(kernel_space(task.request, target)[0]),
                    outcome=answer.outcome,
                    reason=answer.reason,
                    seconds=answer.seconds,
                    default_seconds=answer.default_seconds,
                    conditions=conditions,
                )
            )
            say(f"{folder.name}: {number} of {len(missing)}")
