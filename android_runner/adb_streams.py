"""Many ADB streams over one connection: one reader thread, and ADB's own flow control for each stream."""

from __future__ import annotations

import itertools
import select
import socket
import threading

from android_runner.adb_messages import CLSE, OKAY, OPEN, WRTE, Message, encode, receive
from android_runner.deadline import Deadline
from android_runner.errors import LinkDownError, LinkLostError, RefusedServiceError, TransportError

# For the messages that no caller waits for (acknowledgements, closing).
_COURTESY_TIMEOUT_S = 10.0


class AdbStreams:
    """Owns an authenticated ADB connection and opens streams on it."""

    def __init__(self, connection: socket.socket, max_payload_bytes: int, name: str) -> None:
        """Take the connection over; ``name`` is the device's serial, for errors."""
        self.max_payload_bytes = max_payload_bytes
        self._connection = connection
        self._name = name
        self._lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._streams: dict[int, AdbStream] = {}
        self._ids = itertools.count(1)
        self._failure: TransportError | None = None
        self._reader = threading.Thread(target=self._read_messages, name=f"adb {name}", daemon=True)
        self._reader.start()

    def open(self, service: str, deadline: Deadline) -> AdbStream:
        """Open a stream to a service such as ``sync:`` or ``tcp:5000``.

        Raises:
            RefusedServiceError: The device refused it.
            LinkDownError: The link was down already; nothing was sent.
            TransportError: The link failed, or the time is up.
        """
        with self._lock:
            if self._failure is not None:
                raise LinkDownError(str(self._failure)) from self._failure
            stream = AdbStream(self, next(self._ids), service)
            self._streams[stream.local_id] = stream
        try:
            self.send(Message(OPEN, stream.local_id, 0, service.encode() + b"\0"), deadline)
            stream.wait_until_open(deadline)
        except BaseException:
            stream.close()
            raise
        return stream

    def send(self, message: Message, deadline: Deadline | None) -> None:
        """Send one message; with no deadline, within a short limit of this module's own."""
        deadline = deadline or Deadline(_COURTESY_TIMEOUT_S, "take a message")
        if not self._send_lock.acquire(timeout=deadline.remaining_s()):
            raise deadline.error()
        try:
            unsent = memoryview(encode(message))
            while unsent:
                _, writable, _ = select.select([], [self._connection], [], deadline.remaining_s())
                if writable:
                    unsent = unsent[self._connection.send(unsent, socket.MSG_DONTWAIT) :]
        except (OSError, ValueError) as exc:  # ValueError: select on a socket that close() has closed
            raise self._fail(self._lost(str(exc))) from exc
        except TransportError as exc:
            # Half a message may have gone out: nothing after it could be understood.
            raise self._fail(exc) from None
        finally:
            self._send_lock.release()

    def forget(self, stream: AdbStream) -> None:
        """Stop delivering messages to a closed stream."""
        with self._lock:
            self._streams.pop(stream.local_id, None)

    def close(self) -> None:
        """End the connection and every stream on it."""
        self._fail(LinkLostError(f"The connection to {self._name} was closed"))
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=_COURTESY_TIMEOUT_S)
        self._connection.close()

    def _read_messages(self) -> None:
        try:
            while (message := receive(self._connection)) is not None:
                self._deliver(message)
            self._fail(self._lost("the device hung up"))
        except TransportError as exc:
            self._fail(exc)
        except OSError as exc:
            self._fail(self._lost(str(exc)))

    def _deliver(self, message: Message) -> None:
        with self._lock:
            stream = self._streams.get(message.arg1)
        if stream is not None:
            stream.deliver(message)
        elif message.command == WRTE:
            # The stream was closed here while this was under way.
            self.send(Message(CLSE, message.arg1, message.arg0), None)

    def _lost(self, reason: str) -> LinkLostError:
        return LinkLostError(
            f"Expected the connection to {self._name} to last; got: {reason}; "
            "check the phone and connect again"
        )

    def _fail(self, failure: TransportError) -> TransportError:
        """Let every present and later call fail, with the first failure there was; return that."""
        with self._lock:
            if self._failure is None:
                self._failure = failure
            streams = list(self._streams.values())
            first = self._failure
        for stream in streams:
            stream.fail(first)
        try:
            self._connection.shutdown(socket.SHUT_RDWR)  # wakes the reader
        except OSError:
            pass  # the peer was faster
        return first


class AdbStream:
    """A two-way byte stream to one service of the device.

    ADB allows one unacknowledged message in each direction and knows no half-close: when either side closes,
    what was sent before still arrives, and what the other side would have answered does not.
    """

    def __init__(self, owner: AdbStreams, local_id: int, service: str) -> None:
        """Start unopened; `AdbStreams.open` does the rest."""
        self.local_id = local_id
        self._owner = owner
        self._service = service
        self._remote_id = 0
        self._changed = threading.Condition()
        self._received: bytes | None = None
        self._acknowledged = False
        self._closed_there = False
        self._closed_here = False
        self._failure: TransportError | None = None

    def wait_until_open(self, deadline: Deadline) -> None:
        """Wait for the device to accept the stream."""
        with self._changed:
            while not self._acknowledged:
                if self._failure is not None:
                    raise self._failure
                if self._closed_there:
                    raise RefusedServiceError(
                        f"Expected the device to offer `{self._service.partition(':')[0]}`; it refused; "
                        "it may be too old or not listening"
                    )
                self._changed.wait(deadline.remaining_s())

    def read(self, deadline: Deadline | None = None) -> bytes:
        """Wait for data and acknowledge it; empty once the other side has closed and all was read."""
        with self._changed:
            while self._received is None:
                if self._closed_there or self._closed_here:
                    return b""
                if self._failure is not None:
                    raise self._failure
                self._changed.wait(deadline.remaining_s() if deadline else None)
            data, self._received = self._received, None
            acknowledge = not self._closed_there
        if acknowledge:
            self._owner.send(Message(OKAY, self.local_id, self._remote_id), None)
        return data

    def has_answer(self) -> bool:
        """Return whether `read` would return at once."""
        with self._changed:
            return self._received is not None or self._closed_there

    def write(self, data: bytes, deadline: Deadline | None = None) -> None:
        """Send data; returns when all of it is under way, not yet acknowledged.

        Raises:
            LinkLostError: The other side has closed the stream.
            TransportError: The link failed, or the time is up.
        """
        for start in range(0, len(data), self._owner.max_payload_bytes):
            part = data[start : start + self._owner.max_payload_bytes]
            self.flush(deadline)
            with self._changed:
                self._acknowledged = False
            self._owner.send(Message(WRTE, self.local_id, self._remote_id, part), deadline)

    def flush(self, deadline: Deadline | None = None) -> None:
        """Wait until the device has acknowledged everything sent; raises as `write` does."""
        with self._changed:
            while not self._acknowledged:
                if self._failure is not None:
                    raise self._failure
                if self._closed_there or self._closed_here:
                    raise LinkLostError(f"The device ended `{self._service}` before it had read everything")
                self._changed.wait(deadline.remaining_s() if deadline else None)

    def close(self) -> None:
        """Close the stream; harmless when it is closed already."""
        with self._changed:
            if self._closed_here:
                return
            self._closed_here = True
            tell = not self._closed_there and self._failure is None
            self._changed.notify_all()
        self._owner.forget(self)
        if tell:
            try:
                self._owner.send(Message(CLSE, self.local_id, self._remote_id), None)
            except TransportError:
                pass  # the connection is gone and the stream with it

    def deliver(self, message: Message) -> None:
        """Take a message from the reader thread."""
        with self._changed:
            if message.command == OKAY:
                self._remote_id = self._remote_id or message.arg0
                self._acknowledged = True
            elif message.command == CLSE:
                self._closed_there = True
            elif message.command == WRTE and self._received is None:
                self._received = message.payload
            else:
                raise LinkLostError(
                    f"Expected ADB's flow control on `{self._service}`; the device broke it; connect again"
                )
            self._changed.notify_all()

    def fail(self, failure: TransportError) -> None:
        """Let every call on this stream fail."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()
