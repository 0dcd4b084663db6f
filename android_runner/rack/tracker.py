"""A tracker on the loopback: agents offer phones under keys, clients ask for one of a key.

It speaks TVM's protocol with either side. TVM's own tracker needs three more packages and by default listens
on every interface; docs/tuning.md says more.
"""

from __future__ import annotations

import itertools
import select
import socket
import socketserver
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from android_runner.errors import TrackerError
from android_runner.rack.tracker_protocol import (
    DEFAULT_PORT,
    Code,
    receive_json,
    receive_magic,
    send_json,
    send_magic,
)

_LOOK_S = 0.5
_GREETING_S = 10.0


@dataclass(frozen=True)
class Offer:
    """One use of a phone: whose connection offered it, where to connect, and the key to show there."""

    owner: int
    host: str
    port: int
    match_key: str


class Offers:
    """What is on offer under each key, and who waits."""

    def __init__(self) -> None:
        """Start without any."""
        self._changed = threading.Condition()
        self._free: defaultdict[str, list[Offer]] = defaultdict(list)
        self._waiting: defaultdict[str, int] = defaultdict(int)
        self._info: dict[int, dict[str, Any]] = {}

    def put(self, key: str, offer: Offer) -> None:
        """Add an offer."""
        with self._changed:
            self._free[key].append(offer)
            self._changed.notify_all()

    def take(self, key: str, wait_s: float) -> Offer | None:
        """Take the oldest offer of a key; None if there is none within the time."""
        with self._changed:
            self._waiting[key] += 1
            try:
                self._changed.wait_for(lambda: self._free[key], wait_s)
                return self._free[key].pop(0) if self._free[key] else None
            finally:
                self._waiting[key] -= 1

    def pending(self, owner: int) -> list[str]:
        """Match keys of an owner's offers that nobody took yet."""
        with self._changed:
            return [offer.match_key for free in self._free.values() for offer in free if offer.owner == owner]

    def describe(self, owner: int, info: dict[str, Any]) -> None:
        """Keep what an owner says about itself."""
        with self._changed:
            self._info.setdefault(owner, {}).update(info)

    def drop(self, owner: int) -> None:
        """Forget an owner whose connection ended, with its offers."""
        with self._changed:
            self._info.pop(owner, None)
            for free in self._free.values():
                free[:] = [offer for offer in free if offer.owner != owner]

    def summary(self) -> dict[str, Any]:
        """Return what is free, who waits, and which servers there are."""
        with self._changed:
            keys = sorted({*self._free, *self._waiting})
            queues = {key: {"free": len(self._free[key]), "pending": self._waiting[key]} for key in keys}
            servers = [info for info in self._info.values() if str(info.get("key", "")).startswith("server")]
            return {"queue_info": queues, "server_info": servers}


class Tracker:
    """Listens on 127.0.0.1 from the start; a context manager."""

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        """Listen on a port; 0: a free one.

        Raises:
            TrackerError: the port is taken.
        """
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as exc:
            raise TrackerError(
                f"Expected port {port} to be free for a tracker; got: {exc.strerror}; choose another --port"
            ) from exc
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="tracker", daemon=True)
        self._thread.start()

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Return when the tracker has ended."""
        self._thread.join()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self.offers = Offers()
        self.numbers = itertools.count()
        self.connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def end_connections(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # ended already


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        owner, offers = next(self.server.numbers), self.server.offers
        self.server.connections.add(self.request)
        try:
            self.request.settimeout(_GREETING_S)
            if not receive_magic(self.request):
                return
            send_magic(self.request)
            self.request.settimeout(None)
            while True:
                answer = self._answer(owner, receive_json(self.request))
                if answer is not None:
                    send_json(self.request, answer)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            pass  # the other end is gone, or speaks something else
        finally:
            offers.drop(owner)
            self.server.connections.discard(self.request)

    def _answer(self, owner: int, message: list[Any]) -> Any:
        """The answer to a message; None: it was sent already. Raises ValueError for what is no message."""
        offers = self.server.offers
        match Code(message[0]):
            case Code.PING:
                return Code.SUCCESS
            case Code.PUT:
                port, match_key = message[2]
                host = (message[3] if len(message) > 3 else None) or self.client_address[0]
                offers.put(message[1], Offer(owner, host, int(port), match_key))
                return Code.SUCCESS
            case Code.REQUEST:
                self._hand_out(message[1])
                return None
            case Code.UPDATE_INFO:
                info = dict(message[1])
                if "addr" in info:
                    info["addr"] = [info["addr"][0] or self.client_address[0], info["addr"][1]]
                offers.describe(owner, info)
                return Code.SUCCESS
            case Code.SUMMARY:
                return [Code.SUCCESS, offers.summary()]
            case Code.GET_PENDING_MATCHKEYS:
                return offers.pending(owner)
            case _:
                return Code.FAIL  # who started it stops it

    def _hand_out(self, key: str) -> None:
        offers = self.server.offers
        while (offer := offers.take(key, _LOOK_S)) is None:
            if select.select([self.request], [], [], 0)[0] and not self.request.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("who asked is gone")
        try:
            send_json(self.request, [Code.SUCCESS, [offer.host, offer.port, offer.match_key]])
        except OSError:
            offers.put(key, offer)
            raise
