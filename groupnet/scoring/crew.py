"""Devices at work on one data set, each driven by a thread; what they answer comes to the caller's."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from android_runner.errors import (
    DeviceError,
    MeasuringProcessError,
    NoSuchDeviceError,
    ServerError,
    TrackerError,
    TransportError,
)
from groupnet.scoring.board import Board, chunk_size
from groupnet.scoring.places import Place, PlaceOpener
from models.scoring.by_task import Rows

if TYPE_CHECKING:
    from android_runner.verification import ReferenceTensors, VerificationPlan, VerificationReport

Array = npt.NDArray[Any]
Read = Callable[[Sequence[int]], tuple[Array, Rows]]

RETRY_S = (2.0, 10.0, 30.0)
"""Waits before a device that failed is opened again; the last one for as long as others work."""

_LOST = (TransportError, ServerError, NoSuchDeviceError, TrackerError, MeasuringProcessError)
# What opening a device again may mend; anything else ends the run, wrong numbers above all.

_WAITING = 4  # answers that may wait for the caller; then devices do
_TICK_S = 0.5
_JOIN_TICK_S = 0.005
_GRACE_S = 3.0
_END_S = 30.0


@dataclass(frozen=True)
class Check:
    """One image whose integers a device shall show: its number, and PyTorch's side."""

    image: int
    plan: "VerificationPlan"
    reference: "ReferenceTensors"


@dataclass(frozen=True)
class Opened:
    """A device has loaded the bundle, and computes the reference's integers as PyTorch."""

    device: str
    about: dict[str, Any]
    report: "VerificationReport"


@dataclass(frozen=True)
class Checked:
    """A device computes this image's integers as PyTorch."""

    device: str
    image: int
    report: "VerificationReport"


@dataclass(frozen=True)
class Scored:
    """Outputs [N, ...] for images; their pixels uint8 [N, S, S, C] and truths come along."""

    device: str
    images: tuple[int, ...]
    pixels: Array
    truths: Rows
    outputs: list[Array]


@dataclass(frozen=True)
class Lost:
    """A device is gone, with its images given back to the others."""

    reason: DeviceError


Event = Opened | Checked | Scored | Lost


@dataclass
class Work:
    """What is to be done.

    Attributes:
        board: The images.
        read: Gives the pixels and truths of images.
        prepare: From pixels [N, S, S, C] to what the bundle takes.
        image_bytes: Of one image and its outputs on the device.
        reference: What every device is verified with before it scores.
        checks: Images whose integers are compared as well, by whichever device comes first.
    """

    board: Board
    read: Read
    prepare: Callable[[Array], Array]
    image_bytes: int
    reference: "tuple[VerificationPlan, ReferenceTensors]"
    checks: deque[Check] = field(default_factory=deque)


class Crew:
    """Drives all devices. A device alone is not tried again: whoever called may call again."""

    def __init__(
        self, openers: Sequence[PlaceOpener], work: Work, retry_s: tuple[float, ...] = RETRY_S
    ) -> None:
        """Take the devices, at least one."""
        self._work = work
        self._retry_s = retry_s if len(openers) > 1 else ()
        self._events: queue.Queue[Event | BaseException] = queue.Queue(_WAITING)
        self._checks = len(work.checks)
        self._lock = threading.Lock()
        self._exhausted: set[int] = set()
        self._openers = openers
        self._threads = [
            threading.Thread(target=self._serve, args=(opener,), name="score", daemon=True)
            for opener in openers
        ]

    def run(self) -> Iterator[Event]:
        """Yield what happens, until every image is answered or the caller has enough.

        Raises:
            DeviceError: No device is left, or one computes other numbers than PyTorch.
            DataError: An image cannot be read.
        """
        board = self._work.board
        if board.finished and not self._checks:
            return
        for thread in self._threads:
            thread.start()
        try:
            while not (board.finished and self._events.empty() and not self._checks):
                try:
                    event = self._events.get(timeout=_TICK_S)
                except queue.Empty:
                    continue
                if isinstance(event, BaseException):
                    raise event
                self._checks -= isinstance(event, Checked)
                yield event
        finally:
            self._end()

    def _end(self) -> None:
        """Let the devices go: sessions end in the threads that opened them."""
        self._work.board.stop()
        self._join(_GRACE_S)
        for opener in self._openers:
            opener.stop()
        self._join(_END_S)

    def _join(self, seconds: float) -> None:
        give_up_at = time.monotonic() + seconds
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < give_up_at:
            with suppress(queue.Empty):
                self._events.get(timeout=_JOIN_TICK_S)

    def _serve(self, opener: PlaceOpener) -> None:
        failures = 0
        while not self._work.board.stopped:
            try:
                with opener.open() as place:
                    for _ in self._drive(place):
                        failures = 0
                        self._works(opener)
                return
            except _LOST as exc:
                failures += 1
                if failures > len(self._retry_s) and self._is_last(opener):
                    self._events.put(exc)
                    return
                self._events.put(Lost(exc))
                self._rest(self._retry_s[min(failures, len(self._retry_s)) - 1])
            except BaseException as exc:  # the caller's thread raises it
                self._events.put(exc)
                return

    def _drive(self, place: Place) -> Iterator[None]:
        """Verify, then compute chunk after chunk; yields after each. Raises what the device does."""
        self._events.put(Opened(place.name, place.about, place.verify(*self._work.reference)))
        self._check(place)
        board = self._work.board
        seconds: float | None = None
        under_way: deque[tuple[tuple[int, ...], Array, Rows, float]] = deque()
        finished_s = 0.0
        try:
            while True:
                # The first images are alone: what they take says how many should follow.
                while len(under_way) < (1 if seconds is None else 2):
                    most = chunk_size(seconds, self._work.image_bytes)
                    images = board.take(most, wait=not under_way)
                    if not images:
                        break
                    # From here on they are among what is given back.
                    under_way.append((images, *self._work.read(images), time.monotonic()))
                    place.start(self._work.prepare(under_way[-1][1]))
                if not under_way:
                    return
                outputs = place.finish()
                images, pixels, truths, started_s = under_way[0]
                before_s, finished_s = finished_s, time.monotonic()
                seconds = (finished_s - max(before_s, started_s)) / len(images)
                self._events.put(Scored(place.name, images, pixels, truths, outputs))
                under_way.popleft()
                board.done(images)
                yield
        finally:
            for images, *_ in under_way:
                board.give_back(images)

    def _check(self, place: Place) -> None:
        while True:
            try:
                check = self._work.checks.popleft()
            except IndexError:
                return
            try:
                report = place.verify(check.plan, check.reference)
            except BaseException:
                self._work.checks.appendleft(check)
                raise
            self._events.put(Checked(place.name, check.image, report))

    def _works(self, opener: PlaceOpener) -> None:
        with self._lock:
            self._exhausted.discard(id(opener))

    def _is_last(self, opener: PlaceOpener) -> bool:
        """Whether now every device has failed again and again."""
        with self._lock:
            self._exhausted.add(id(opener))
            return len(self._exhausted) == len(self._openers)

    def _rest(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        board = self._work.board
        while time.monotonic() < end_s and not board.stopped and not board.finished:
            time.sleep(min(_TICK_S, seconds))
