"""Measures on a phone, in a process of its own: whatever breaks there costs its time limit and no more.

Three kinds of failure are told apart. What a choice does (other numbers, an error, a crash, a hang) is a
result about it. What befalls the link or the server is none: the choice is measured again on a new session. A
phone that does not come back is gone, which is for the process that asked to deal with.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from android_runner.errors import (
    AlteredFileError,
    DeviceError,
    DeviceFullError,
    ServerGoneError,
    TransportError,
    TransportTimeoutError,
)
from android_runner.tuning.cool_down import LIMITS, cool_down
from android_runner.tuning.device_state import DeviceState
from android_runner.tuning.phone_link import OpenPhone, PhoneLink
from android_runner.tuning.worker import Answer, Gone, Job, failure_text

if TYPE_CHECKING:
    from android_runner.tuning.measure import Bench
    from tvm_schedules.tuning.request import KernelRequest

logger = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Waits between attempts to reach a phone that was there before."""

CALLS_LIMIT = 4
"""A measurement is several calls, each of which may take its time limit; so many are waited for."""

_READ_STATE_EVERY_S = 5.0
_ATTEMPTS = 2


def patience_s(limit_s: float) -> float:
    """How long an answer may take from outside: measuring, finding the phone again, letting it cool down."""
    return CALLS_LIMIT * limit_s + 2 * sum(BACK_OFF_S) + LIMITS.patience_s


@dataclass(frozen=True)
class PhoneAnswers:
    """Makes what answers jobs on a phone; a `worker.Answering`.

    Attributes:
        link: how to reach the phone.
        threads: of the kernels.
        limit_s: of each call.
        back_off_s: waits between attempts to reach a phone that was there before.
    """

    link: PhoneLink
    threads: int
    limit_s: float
    back_off_s: tuple[float, ...] = BACK_OFF_S

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Job], Answer | Gone]]:
        """Measure on the phone until the block ends, which ends the server there."""
        # Whoever ends this process wants the phone left in order.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        measuring = _Measuring(self)
        try:
            yield measuring.answer
        finally:
            measuring.close()


class _Measuring:
    def __init__(self, how: PhoneAnswers) -> None:
        self._how = how
        self._open = ExitStack()
        self._phone: OpenPhone | None = None
        self._benches: dict[KernelRequest, Bench] = {}
        self._state = DeviceState()
        self._state_at_s = 0.0
        self._was_open = False

    def answer(self, job: Job) -> Answer | Gone:
        lost: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                phone = self._opened()
                state = self._cooled(phone)
            except TransportError as exc:
                lost = exc
                self.close()
                continue
            except DeviceError as exc:
                self.close()
                return Gone(str(exc))
            try:
                answer = self._measure(job, phone)
            except (TransportError, ServerGoneError, AlteredFileError) as exc:
                lost = exc
                self.close()
                continue
            except DeviceFullError as exc:
                self.close()
                return Gone(str(exc))
            return Answer(answer.outcome, answer.reason, answer.seconds, answer.default_seconds, state)
        if self._reachable():
            return Answer("crashed", f"the phone was lost each time: {failure_text(lost)}" if lost else "")
        return Gone(str(lost))

    def close(self) -> None:
        """End the session and the server."""
        self._benches.clear()
        self._phone = None
        opened, self._open = self._open, ExitStack()
        try:
            opened.close()
        except DeviceError as exc:
            logger.info("%s", exc)  # what could not be ended ends by itself

    def _measure(self, job: Job, phone: OpenPhone) -> Answer:
        from tvm.target import Target

        from android_runner.tuning.measure import Bench, WrongNumbersError
        from android_runner.tuning.place import PhonePlace

        try:
            if job.request not in self._benches:
                self._benches.clear()  # one kernel's tensors at a time
                place = PhonePlace(phone.session)
                self._benches[job.request] = Bench(job.request, Target(job.target), place)
            times = self._benches[job.request].measure(job.choice, job.rounds)
        except WrongNumbersError as exc:
            return Answer("wrong", str(exc))
        except TransportTimeoutError as exc:
            phone.check()  # raises where it is the link that stalls, and not the kernel
            # The session still runs the kernel; it ends with its server.
            self.close()
            return Answer("timeout", str(exc))
        except (TransportError, ServerGoneError, AlteredFileError, DeviceFullError):
            raise
        except DeviceError as exc:
            if phone.session.failure is None:
                return Answer("failed", failure_text(exc))
            self.close()
            return Answer("crashed", str(exc))
        except Exception as exc:  # whatever a choice does is a result about it, not the end of tuning
            return Answer("failed", failure_text(exc))
        return Answer("ok", "", times.seconds, times.default_seconds)

    def _opened(self) -> OpenPhone:
        if self._phone is None:
            # A phone that was never reached is most likely one that is not there.
            waits = self._how.back_off_s if self._was_open else ()
            self._phone = retry(self._reopen, waits, time.sleep)
            self._was_open = True
        return self._phone

    def _reopen(self) -> OpenPhone:
        try:
            phone = self._open.enter_context(self._how.link.open(self._how.limit_s))
            phone.session.take_sole_use()
            phone.session.set_threads(self._how.threads)
        except BaseException:
            self.close()
            raise
        self._state_at_s = 0.0
        return phone

    def _cooled(self, phone: OpenPhone) -> DeviceState:
        """Let the phone cool down if it must; asked every few seconds, in between the last state holds."""
        if not self._state_at_s or time.monotonic() - self._state_at_s > _READ_STATE_EVERY_S:
            self._state = cool_down(phone.state)
            self._state_at_s = time.monotonic()
            return self._state
        return self._state.model_copy(update={"cooled_s": 0.0})

    def _reachable(self) -> bool:
        try:
            self._opened()
        except DeviceError:
            return False
        return True


def retry(
    function: Callable[[], OpenPhone], waits_s: Sequence[float], sleep: Callable[[float], None]
) -> OpenPhone:
    """Call a function that reaches a phone, again after each wait while it fails.

    Raises:
        DeviceError: the last attempt's.
    """
    for wait_s in waits_s:
        try:
            return function()
        except DeviceError as exc:
            logger.info("%s; trying again in %g s", exc, wait_s)
        sleep(wait_s)
    return function()
