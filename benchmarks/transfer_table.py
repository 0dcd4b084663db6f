"""Measure once what replayed searches are told and judged by: choices of a network's kernels."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from android_runner.tuning.records import Database, Record
from android_runner.tuning.session import CONFIRMING_ROUNDS, ROUNDS, Session
from android_runner.tuning.worker import Job
from benchmarks.replay import Key, Table, read_table
from groupnet.model_source import Request
from groupnet.tune import model_kernels
from groupnet.tuning_device import TuningDevice, tuning_device
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
    for part, name in ((OTHER_NETWORK, None), (OTHER_CORE, CORE)):
        device = tuning_device("host", None, name)
        database, conditions = Database(folder / part), device.conditions(1)
        known = sum(not record.confirmed for record in database.read(conditions.core))
        if known >= OTHER_TRIALS:
            continue
        tasks = model_kernels(other, device.target, say)
        with device.open_measurer(1) as measurer:
            session = Session(tasks, device.target, database, conditions, measurer)
            say(f"{part}: measuring up to {OTHER_TRIALS} choices")
            session.run(OTHER_TRIALS - known, None, lambda *_: None)


def measure_choices(folder: Path, tasks: Sequence[KernelTask], most: int, say: Say) -> None:
    """Measure up to so many choices of each kernel, drawn at random; raises what `measure_others` does."""
    device = tuning_device("host", None, None)
    spaces = [(task, kernel_space(task.request, device.target)) for task in tasks]
    wanted = [(task, choice) for task, space in spaces for choice in sampled(space, most)]
    _measure(folder / SEEN, wanted, device, ROUNDS, say)


def measure_finalists(folder: Path, tasks: Sequence[KernelTask], asked: Iterable[Key], say: Say) -> None:
    """Measure again what searches would confirm; raises what `measure_others` does."""
    of_key = {task.key: task for task in tasks}
    wanted = [(of_key[key], parse_choice(choice)) for key, choice in asked]
    _measure(folder / JUDGED, wanted, tuning_device("host", None, None), CONFIRMING_ROUNDS, say)


def sampled(space: Sequence[Choice], most: int) -> list[Choice]:
    """Draw choices other than the default, the same ones every time."""
    return random.Random(0).sample(space[1:], min(most, len(space) - 1))


def _measure(
    folder: Path, wanted: Sequence[tuple[KernelTask, Choice]], device: TuningDevice, rounds: int, say: Say
) -> None:
    database, conditions, target = Database(folder), device.conditions(1), device.target
    known = {(record.key, record.choice) for record in database.read(conditions.core)}
    missing = [(task, choice) for task, choice in wanted if (task.key, str(choice)) not in known]
    with device.open_measurer(1) as measurer:
        for number, (task, choice) in enumerate(missing, start=1):
            answer = measurer.measure(Job(task.request, choice, str(target), rounds))
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
