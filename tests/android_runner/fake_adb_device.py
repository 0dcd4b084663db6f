"""The far end of an ADB connection, played from a script by a test."""

from __future__ import annotations

import socket

from android_runner.adb_messages import Message, encode, receive

TIMEOUT_S = 5.0


class FakeAdbDevice:
    """Sends and expects single messages; what a test does not expect, fails it."""

    def __init__(self) -> None:
        """Open the pair; ``near`` is for the code under test."""
        self.near, self.far = socket.socketpair()
        self.far.settimeout(TIMEOUT_S)

    def expect(self, command: int, payload: bytes | None = None) -> Message:
        """Wait for a message of that command, and that payload where one is given."""
        message = receive(self.far)
        assert message is not None, "the connection ended"
        assert message.command == command, message
        assert payload is None or message.payload == payload, message
        return message

    def send(self, command: int, arg0: int, arg1: int, payload: bytes = b"") -> None:
        """Send a message."""
        self.far.sendall(encode(Message(command, arg0, arg1, payload)))

    def expect_end(self) -> None:
        """Wait for the other side to hang up."""
        assert receive(self.far) is None

    def close(self) -> None:
        """Close both ends."""
        self.far.close()
        self.near.close()
