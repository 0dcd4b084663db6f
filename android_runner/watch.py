"""Reads a phone's clocks and temperatures while it is measured, over a link of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from android_runner.errors import DeviceError
from android_runner.throttling import READ, Reading, parse_reading
from android_runner.transport import Transport

logger = logging.getLogger(__name__)

_EVERY_S = 0.5
_TIMEOUT_S = 15.0


@contextmanager
def watching(transport: Transport, every_s: float = _EVERY_S) -> Iterator[list[Reading]]:
    """Give a list that grows by a reading every ``every_s`` until the block ends; the first is there at once.

    A reading that fails ends the watch, not the measurement: its own link says what is wrong with the phone.

    Raises:
        TransportError: The phone cannot be reached for the first reading.
    """
    readings = [_read(transport)]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every_s):
            try:
                readings.append(_read(transport))
            except DeviceError as exc:
                logger.warning("No more clocks and temperatures: %s", exc)
                return

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield readings
    finally:
        stop.set()
        thread.join(_TIMEOUT_S)


def _read(transport: Transport) -> Reading:
    return parse_reading(transport.shell(READ, timeout_s=_TIMEOUT_S, check=False).stdout)
