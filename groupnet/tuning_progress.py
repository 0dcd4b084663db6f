"""What is seen while kernels are tuned: a live table on a terminal, elsewhere a line for each measurement."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from groupnet.console import STDERR, note, table
from groupnet.kernel_labels import kernel_labels
from groupnet.tuning_ceilings import Peak

if TYPE_CHECKING:
    from android_runner.tuning.device_state import DeviceState
    from android_runner.tuning.search import KernelSearch
    from android_runner.tuning.worker import Answer

_NUMBERS = ("calls", "tried", "space", "best µs", "speed-up", "of ceiling", "failed")
_OTHER_LINES = 9
"""Lines of the screen that are no kernel's: title, head, bar, state, and some of what was there before."""

_BAR_WIDTH = 40

Tell = Callable[["KernelSearch", "Answer"], None]


@dataclass(frozen=True)
class Limits:
    """What ends measuring: a number of measurements, and maybe a time."""

    trials: int
    seconds: float | None = None


@dataclass
class TuningView:
    """The state of a tuning as it is shown.

    Attributes:
        searches: one for each kernel.
        limits: what ends measuring.
        place: the processor in words.
        peak: what the processor can do at most, if that is known.
        done: measurements so far.
        failed: how many of them were not usable, by kernel.
        states: the last that each phone said of itself.
        current: the key of the kernel that was measured last.
        began: when, by `time.monotonic`.
    """

    searches: "Sequence[KernelSearch]"
    limits: Limits
    place: str
    peak: Peak | None
    done: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    states: "dict[str, DeviceState]" = field(default_factory=dict)
    current: str = ""
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Label the kernels once."""
        self._labels = kernel_labels(search.task.key for search in self.searches)

    def take(self, search: "KernelSearch", answer: "Answer") -> None:
        """Count a measurement."""
        self.done += 1
        self.current = search.task.key
        if answer.outcome != "ok":
            self.failed[self.current] = self.failed.get(self.current, 0) + 1
        if answer.device is not None:
            self.states[answer.device.phone] = answer.device

    def line(self, search: "KernelSearch", answer: "Answer") -> str:
        """The measurement in one line."""
        told = "" if answer.outcome == "ok" else f"; {answer.outcome}: {answer.reason}"
        label = self._labels[search.task.key]
        return (
            f"{self.done} of {self.limits.trials}: {label}: best {search.best_ratio:.3f} of the default{told}"
        )

    def render(self, console: Console) -> RenderableType:
        """Return table, bar and state, as tall as the console allows."""
        shown = self.kernels(max(3, console.height - _OTHER_LINES))
        drawn = table("Tuning", "", "kernel", *_NUMBERS, numbers=_NUMBERS)
        for search in shown:
            drawn.add_row(*self.cells(search))
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=self.limits.trials, completed=self.done, width=_BAR_WIDTH),
            f"{self.done} of {self.limits.trials}",
            f"{clock(self.seconds_left())} left, then the best few of each kernel again",
        )
        hidden = len(self.searches) - len(shown)
        more = Text(f"and {hidden} kernels more that take less time", style="dim") if hidden else Text("")
        return Group(drawn, more, bar, Text(self.state()))

    def kernels(self, count: int) -> "list[KernelSearch]":
        """The one being tuned, and those with the largest share of the latency, in the network's order."""
        largest = sorted(self.searches, key=lambda one: -one.task.calls * one.default_seconds)
        chosen = sorted(largest, key=lambda one: one.task.key != self.current)[:count]
        keys = {one.task.key for one in chosen}
        return [search for search in self.searches if search.task.key in keys]

    def cells(self, search: "KernelSearch") -> tuple[str, ...]:
        """A row of the table; times are empty until something was measured."""
        key = search.task.key
        seconds = search.best_ratio * search.default_seconds
        share = self.peak.share(key, seconds) if self.peak and seconds else None
        return (
            ">" if key == self.current else "",
            escape(self._labels[key]),
            str(search.task.calls),
            str(len(search.tried)),
            str(len(search.space) - 1),
            f"{seconds * 1e6:.1f}" if seconds else "",
            f"{1 / search.best_ratio:.3f}" if search.tried else "",
            "" if share is None else f"{100 * share:.0f} %",
            str(self.failed.get(key, "")),
        )

    def seconds_left(self) -> float:
        """At the pace so far, within the limit of time."""
        passed = time.monotonic() - self.began
        needed = passed / max(1, self.done) * (self.limits.trials - self.done)
        return needed if self.limits.seconds is None else max(0.0, min(needed, self.limits.seconds - passed))

    def state(self) -> str:
        """What is known of the device: phones' temperatures and governors, or this machine's load."""
        if not self.states:
            return f"{self.place}; load {os.getloadavg()[0]:.1f}"
        return "\n".join(f"{self.place}; {state_text(state)}" for state in self.states.values())


@contextmanager
def tuning_progress(view: TuningView) -> Iterator[Tell]:
    """Give what a session tells its measurements to."""
    if not STDERR.is_terminal:

        def say(search: "KernelSearch", answer: "Answer") -> None:
            view.take(search, answer)
            note(view.line(search, answer))

        yield say
        return
    # Drawn after each measurement and not between: a thread that draws would disturb what is being timed.
    with Live(console=STDERR, auto_refresh=False, transient=True) as live:

        def show(search: "KernelSearch", answer: "Answer") -> None:
            view.take(search, answer)
            live.update(view.render(STDERR), refresh=True)

        yield show


def state_text(state: "DeviceState") -> str:
    """A phone's state in words."""
    told = [f"phone {state.phone}" if state.phone else "phone"]
    if state.cpu_celsius is not None:
        told.append(f"processor {state.cpu_celsius:.0f} °C")
    if state.battery_celsius is not None:
        told.append(f"battery {state.battery_celsius:.0f} °C")
    if state.governor:
        told.append(f"governor {state.governor}")
    if state.cooled_s:
        told.append(f"cooled down for {state.cooled_s:.0f} s")
    return ", ".join([*told, *(["hot"] if state.hot else [])])


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours too where there are some."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
