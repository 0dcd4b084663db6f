"""What records of other kernels, threads and cores teach: samples for the cost model, weighted by kinship."""

from collections.abc import Iterable, Iterator

from android_runner.tuning.cost_model import Sample
from android_runner.tuning.features import features
from android_runner.tuning.records import Conditions, Record
from tvm_schedules.errors import KernelError
from tvm_schedules.tuning.choice import parse_choice

OTHER_CONDITIONS = 0.25
"""Weight of a time that was measured on another type of core, or with another number of threads."""


def same_conditions(one: Conditions, other: Conditions) -> bool:
    """Whether times under the one can stand for times under the other."""
    return (one.core, one.threads, one.emulated) == (other.core, other.threads, other.emulated)


def samples(records: Iterable[Record], conditions: Conditions) -> Iterator[Sample]:
    """Yield what can be learnt from records, whatever kernel or core they are of.

    Confirmations repeat what was measured, and are left out, as are times of emulated processors, except for
    one of those. A default takes all of its own time.
    """
    defaults = set()
    for record in records:
        if record.ratio is None or record.confirmed:
            continue
        if record.conditions.emulated and not conditions.emulated:
            continue
        try:
            choice, default = parse_choice(record.choice), parse_choice(record.default)
            features(record.key, choice)
        except KernelError:
            continue  # of another version of the kernels, or written by hand
        weight = 1.0 if same_conditions(record.conditions, conditions) else OTHER_CONDITIONS
        if (record.key, default, record.conditions) not in defaults:
            defaults.add((record.key, default, record.conditions))
            yield Sample(record.key, default, 1.0, weight)
        yield Sample(record.key, choice, record.ratio, weight)
