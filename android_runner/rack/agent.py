"""Offers a phone through a tracker, one session at a time, until it is told to stop.

Each session has a server of its own on the phone, so that whatever hangs there ends with it. A phone or a
tracker that is gone is looked for again, ever more slowly; while the phone is gone it is not on offer.
"""

from __future__ import annotations

import itertools
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from android_runner.errors import DeviceError, TrackerError, TransportError
from android_runner.rack.phone_info import EndedSession, PhoneInfo, server_fields
from android_runner.rack.relay import Relay, shows_key
from android_runner.rack.tracker_client import TrackerAddress, TrackerClient
from android_runner.rpc_endpoint import PhoneEndpoint
from android_runner.tuning.phone_link import PinnedServer, phone_named, pinned_server, target_for

BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

_TICK_S = 1.0
# An offer that was taken and not used for so many ticks is made again.
_UNUSED_TICKS = 10
_TUNNEL_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Offering:
    """What an agent offers.

    Attributes:
        device: the phone, as `open_device` takes it.
        tracker: where it is offered.
        key: under which.
        cores: which of its cores sessions may use, as `choose_cores` takes it.
        limit_s: a session whose answer is overdue for so long is ended.
    """

    device: str
    tracker: TrackerAddress
    key: str
    cores: str
    limit_s: float


def run_agent(offering: Offering, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Offer the phone until `stop` is set; errors are said, waited for, and survived.

    Raises:
        NoSuchDeviceError: no phone has such a name.
    """
    phone_named(offering.device)
    failures = 0
    while not stop.is_set():
        started_s = time.monotonic()
        try:
            _offer(offering, stop, say)
        except DeviceError as exc:
            if time.monotonic() - started_s > BACK_OFF_S[-1]:
                failures = 0  # it went well for a while
            wait_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            failures += 1
            say(f"{exc}; trying again in {wait_s:g} s")
            stop.wait(wait_s)


def _offer(offering: Offering, stop: threading.Event, say: Callable[[str], None]) -> None:
    device = phone_named(offering.device)
    with (
        device.transport() as transport,
        TrackerClient(offering.tracker) as tracker,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        listener.settimeout(_TICK_S)
        described = device.describe(transport)
        core, target = target_for(transport, offering.cores)
        ended: EndedSession | None = None
        readings = itertools.count(1)
        while not stop.is_set():
            with pinned_server(device, transport, offering.cores) as server:

                def now(server: PinnedServer = server, ended: EndedSession | None = ended) -> PhoneInfo:
                    return PhoneInfo(
                        core=core,
                        target=target,
                        cpu=described.cpu,
                        arch=described.arch,
                        emulated=described.emulated,
                        limit_s=offering.limit_s,
                        reading=next(readings),
                        state=server.state(),
                        ended=ended,
                    )

                ended = _Turn(offering, tracker, listener, server, now, say).run(stop) or ended


class _Turn:
    """One server on the phone: its offer, and the session that comes of it."""

    def __init__(
        self,
        offering: Offering,
        tracker: TrackerClient,
        listener: socket.socket,
        server: PinnedServer,
        now: Callable[[], PhoneInfo],
        say: Callable[[str], None],
    ) -> None:
        self._offering, self._tracker, self._listener = offering, tracker, listener
        self._server, self._now, self._say = server, now, say
        self._port: int = listener.getsockname()[1]

    def run(self, stop: threading.Event) -> EndedSession | None:
        """Offer, serve one session; return why it ended if the phone's end closed it. Raises DeviceError."""
        self._report()
        match_key = self._put()
        self._say(f"{self._server.transport.serial} is on offer under '{self._offering.key}'")
        unused = 0
        while not stop.is_set():
            connection = self._accepted()
            if connection is None:
                self._report()
                unused = 0 if match_key in self._tracker.pending() else unused + 1
                if unused > _UNUSED_TICKS:
                    match_key, unused = self._put(), 0
            elif shows_key(connection, match_key):
                return self._serve(connection, match_key, stop)
            else:
                connection.close()
        return None

    def _put(self) -> str:
        # TVM's tracker finds the key of an offer by what stands before the colon.
        match_key = f"{self._offering.key}:{secrets.token_hex(16)}"
        self._tracker.offer(self._offering.key, self._port, match_key)
        return match_key

    def _report(self) -> None:
        self._tracker.describe(server_fields(self._offering.key, self._port, self._now()))

    def _accepted(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except TimeoutError:
            return None

    def _serve(self, client: socket.socket, match_key: str, stop: threading.Event) -> EndedSession | None:
        transport, server, limit_s = self._server.transport, self._server.server, self._offering.limit_s
        with transport.tunnel(server.port, timeout_s=_TUNNEL_TIMEOUT_S, answer_timeout_s=limit_s) as port:
            relay = Relay(client, port, server.token)
            tracker_lost: TrackerError | None = None
            try:
                while not relay.wait(_TICK_S) and not stop.is_set():
                    try:
                        self._report()
                    except TrackerError as exc:
                        tracker_lost = exc  # the session can do without
            finally:
                relay.close()
        if tracker_lost is not None:
            raise tracker_lost
        if not relay.ended_by_phone:
            return None
        error = PhoneEndpoint(transport, server, limit_s).why_ended("go on with a session")
        self._say(str(error))
        if isinstance(error, TransportError):
            raise error
        return EndedSession(match_key=match_key, error=type(error).__name__, message=str(error))
