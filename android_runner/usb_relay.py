"""One phone on USB for several processes: their ADB streams over its one connection.

A USB interface has one owner. A tunnel, which is a process of its own, and every further link to the phone
would need a second. Here each client speaks ADB's messages over a socket, as over TCP behind the log-in, and
only the numbers of its streams are exchanged for ones that no other client has.
"""

from __future__ import annotations

import itertools
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass, field, replace

from android_runner.adb_messages import CLSE, OKAY, OPEN, WRTE, Message, encode, receive
from android_runner.errors import DeviceError, TransportError
from android_runner.usb_packets import UsbPackets

_TICK_S = 0.25
_JOIN_TIMEOUT_S = 2.0


class UsbRelay:
    """Carries messages between clients and the phone until nobody needs it or the phone is gone."""

    def __init__(
        self, phone: UsbPackets, max_payload_bytes: int, listener: socket.socket, idle_s: float
    ) -> None:
        """Serve whoever connects to a listener.

        Args:
            phone: Logged in already.
            max_payload_bytes: The largest payload that it takes, which each client is told.
            listener: Whoever can connect to it may use the phone.
            idle_s: How long to stay without any client.
        """
        self._phone = phone
        self._greeting = json.dumps({"max_payload_bytes": max_payload_bytes}).encode() + b"\n"
        self._listener, self._idle_s = listener, idle_s
        self._lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._ids = itertools.count(1)
        self._streams: dict[int, _Stream] = {}
        self._clients: set[_Client] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        """Serve until no client has been there for `idle_s`, or the phone is gone."""
        reader = threading.Thread(target=self._read_phone, name="usb", daemon=True)
        reader.start()
        self._listener.settimeout(_TICK_S)
        last_used_s = time.monotonic()
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                pass
            else:
                self._welcome(connection)
            with self._lock:
                used = bool(self._clients)
            if used:
                last_used_s = time.monotonic()
            elif time.monotonic() - last_used_s > self._idle_s:
                break
        self._ended.set()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.end()
        reader.join(_JOIN_TIMEOUT_S)

    def _welcome(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        client = _Client(connection)
        with self._lock:
            self._clients.add(client)
        client.outgoing.put(self._greeting)
        threading.Thread(target=client.write_all, name="usb client", daemon=True).start()
        threading.Thread(target=self._read_client, args=(client,), name="usb client", daemon=True).start()

    def _read_client(self, client: _Client) -> None:
        try:
            while (message := receive(client.connection)) is not None:
                self._from_client(client, message)
        except (OSError, TransportError):
            pass  # it has gone, or is no client of ours
        finally:
            self._forget(client)

    def _from_client(self, client: _Client, message: Message) -> None:
        with self._lock:
            if message.command == OPEN:
                number = next(self._ids)
                client.numbers[message.arg0] = number
                self._streams[number] = _Stream(client, message.arg0)
            elif message.arg0 not in client.numbers:
                return  # the phone has closed it meanwhile
            else:
                number = client.numbers[message.arg0]
            if message.command == CLSE:
                self._close(number)
        self._send(replace(message, arg0=number))

    def _read_phone(self) -> None:
        try:
            while not self._ended.is_set():
                message = self._phone.receive()
                if message is not None:
                    self._from_phone(message)
        except DeviceError:
            pass  # clients learn of it by the end of their connections, and why when they connect again
        finally:
            self._ended.set()

    def _from_phone(self, message: Message) -> None:
        with self._lock:
            stream = self._streams.get(message.arg1)
            if stream is not None and message.command == OKAY:
                stream.phone_number = message.arg0
            if stream is not None and message.command == CLSE:
                self._close(message.arg1)
        if stream is not None:
            stream.client.outgoing.put(encode(replace(message, arg1=stream.number)))
        elif message.command in (OKAY, WRTE):
            # Of a stream whose client has gone, or has just closed it.
            self._send(Message(CLSE, message.arg1, message.arg0))

    def _close(self, number: int) -> None:
        """Let go of a stream; with the lock."""
        stream = self._streams.pop(number)
        del stream.client.numbers[stream.number]

    def _forget(self, client: _Client) -> None:
        with self._lock:
            left = [(number, self._streams[number]) for number in client.numbers.values()]
            for number, _ in left:
                self._close(number)
            self._clients.discard(client)
        client.end()
        for number, stream in left:
            if stream.phone_number:  # else the phone's answer will be told that nobody waits for it
                self._send(Message(CLSE, number, stream.phone_number))

    def _send(self, message: Message) -> None:
        if self._ended.is_set():
            return
        try:
            with self._send_lock:
                self._phone.send(message)
        except DeviceError:
            self._ended.set()  # half a message may have gone out


@dataclass
class _Stream:
    """A stream of a client: the client's number for it, and the phone's once it is open."""

    client: _Client
    number: int
    phone_number: int = 0


@dataclass(eq=False)
class _Client:
    """A process that uses the phone; `numbers` are ours by its own.

    What it is sent waits in a queue, so that one that does not read holds up nobody. ADB's flow control
    bounds the queue: a stream has one message under way.
    """

    connection: socket.socket
    numbers: dict[int, int] = field(default_factory=dict)
    outgoing: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)

    def write_all(self) -> None:
        """Send what is queued until `end` is called."""
        try:
            while (data := self.outgoing.get()) is not None:
                self.connection.sendall(data)
        except OSError:
            pass  # its reader notices too
        finally:
            self.connection.close()

    def end(self) -> None:
        """Hang up, whatever is still queued."""
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was faster
        self.outgoing.put(None)
