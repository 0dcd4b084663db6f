"""A relay in front of an emulated phone's daemon that cuts connections, stalls, or lets nobody in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

_CHUNK_BYTES = 64 * 1024
_JOIN_TIMEOUT_S = 10.0
_LOOPBACK = "127.0.0.1"


class LinkRelay:
    """Relays connections to a phone's daemon; a context manager.

    Attributes:
        port: Where clients connect in the phone's stead.
    """

    def __init__(self, phone_port: int) -> None:
        """Listen for clients of the daemon on ``phone_port``."""
        self._phone_port = phone_port
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._closed = False
        self._refusing = False
        self._bytes_left: int | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._start(self._accept)

    def __enter__(self) -> LinkRelay:
        """Give the link."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it; every thread has ended afterwards."""
        self._closed = True
        self._flowing.set()
        _shut(self._listener)
        self.cut()
        for thread in self._threads:
            thread.join(_JOIN_TIMEOUT_S)
        self._listener.close()

    def cut(self) -> None:
        """End every connection there is, as a pulled cable does; new ones are let in."""
        with self._lock:
            self._bytes_left = None
            pairs = list(self._pairs)
        for pair in pairs:
            for end in pair:
                _shut(end)

    def cut_after(self, count: int) -> None:
        """Cut when ``count`` more bytes have gone through, in the middle of whatever is sent then."""
        with self._lock:
            self._bytes_left = count

    def heal(self) -> None:
        """Let connections stand, start and carry data from now on, whatever they were told before."""
        with self._lock:
            self._bytes_left = None
        self._refusing = False
        self._flowing.set()

    def refuse(self, refusing: bool) -> None:
        """Close new connections at once, as while a phone boots; or let them in again."""
        self._refusing = refusing

    def stall(self, stalling: bool) -> None:
        """Let connections stand and carry nothing, new ones too; or go on where they stood."""
        if stalling:
            self._flowing.clear()
        else:
            self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._refusing or self._closed:
                client.close()
                continue
            try:
                phone = socket.create_connection((_LOOPBACK, self._phone_port))
            except OSError:
                client.close()
                continue
            pair = (client, phone)
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.add(pair)
            self._start(lambda pair=pair: self._serve(pair))  # type: ignore[misc]

    def _serve(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, phone = pair
        back = self._start(lambda: self._copy(phone, client))
        self._copy(client, phone)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()

    def _copy(self, source: socket.socket, destination: socket.socket) -> None:
        try:
            while data := source.recv(_CHUNK_BYTES):
                self._flowing.wait()
                allowed = self._allow(len(data))
                destination.sendall(data[:allowed])
                if allowed < len(data):
                    self.cut()
                    return
        except OSError:
            pass  # the other thread, or a cut, has ended it
        finally:
            _shut(source)
            _shut(destination)

    def _allow(self, count: int) -> int:
        with self._lock:
            if self._bytes_left is not None:
                count = min(count, self._bytes_left)
                self._bytes_left -= count
            return count

    def _start(self, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=target, name="faulty link", daemon=True)
        with self._lock:
            self._threads = [old for old in self._threads if old.is_alive()]
            self._threads.append(thread)
            thread.start()
        return thread


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it
    except OSError:
        pass  # not connected any more
