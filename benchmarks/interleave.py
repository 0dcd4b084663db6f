"""Time several engines in turns, so that a machine whose speed drifts treats them alike."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Measure = Callable[[], list[float]]
"""Runs an engine a few times and answers the milliseconds of each run."""


@dataclass(frozen=True)
class Samples:
    """All samples of one engine over all rounds, in ms."""

    values: tuple[float, ...]

    @property
    def min_ms(self) -> float:
        """The fastest run: what the code costs when nothing disturbs it."""
        return min(self.values)

    @property
    def median_ms(self) -> float:
        """The middle run: what a user of this machine sees."""
        return statistics.median(self.values)


def interleave(
    engines: Mapping[str, Measure], rounds: int, progress: Callable[[str], None] | None = None
) -> dict[str, Samples]:
    """Measure every engine once a round; one more round comes first, warms up, and is dropped."""
    collected: dict[str, list[float]] = {name: [] for name in engines}
    for round_number in range(rounds + 1):
        if progress:
            progress(f"round {round_number} of {rounds}")
        for name, measure in engines.items():
            samples = measure()
            if round_number:
                collected[name] += samples
    return {name: Samples(tuple(values)) for name, values in collected.items()}
