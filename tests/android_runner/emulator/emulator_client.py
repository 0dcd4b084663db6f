"""An ADB client of the tests' own, which can also say what no ADB client says."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils

from android_runner.emulator.protocol import (
    HEADER_BYTES,
    VERSION,
    AuthKind,
    Command,
    Message,
    decode_header,
    encode,
)

TIMEOUT_S = 10.0
SOURCES = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class BareDaemon:
    """A daemon without namespaces and without qemu: where it listens, whose key it knows, its files."""

    port: int
    key: Path
    root: Path


def sign(key: Path, token: bytes) -> bytes:
    """Sign a token as adb does."""
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    return private.sign(token, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))


class RawClient:
    """One connection; every call waits at most `TIMEOUT_S`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._next = 1

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, command: Command, arg0: int, arg1: int, payload: bytes = b"") -> None:
        self.socket.sendall(encode(Message(command, arg0, arg1, payload)))

    def receive(self) -> Message:
        header = decode_header(self._exactly(HEADER_BYTES), limit_bytes=1 << 20)
        return Message(header.command, header.arg0, header.arg1, self._exactly(header.payload_bytes))

    def receive_end(self) -> bool:
        """Whether the daemon closes the connection, whatever it says before."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True

    def greet(self, *, version: int = VERSION) -> Message:
        """Say CNXN and return the daemon's challenge."""
        self.send(Command.CNXN, version, 256 * 1024, b"host::features=shell_v2\0")
        return self.receive()

    def connect(self, key: Path, *, version: int = VERSION) -> Message:
        """Greet, sign the challenge, return the answer."""
        challenge = self.greet(version=version)
        self.send(Command.AUTH, AuthKind.SIGNATURE, 0, sign(key, challenge.payload))
        return self.receive()

    def open(self, destination: str) -> tuple[int, int]:
        """Open a stream; return our number and the daemon's, 0 if it was refused."""
        number, self._next = self._next, self._next + 1
        self.send(Command.OPEN, number, 0, destination.encode() + b"\0")
        answer = self.receive()
        return number, answer.arg0 if answer.command is Command.OKAY else 0

    def write(self, local: int, remote: int, data: bytes) -> list[bytes]:
        """Send data and wait for its OKAY; return what the daemon sent meanwhile."""
        self.send(Command.WRTE, local, remote, data)
        return self._until(local, remote, Command.OKAY)

    def read_all(self, local: int, remote: int) -> bytes:
        """Acknowledge and collect data until the daemon closes the stream."""
        return b"".join(self._until(local, remote, Command.CLSE))

    def read(self, local: int, remote: int, count: int) -> bytes:
        """Collect data until there are at least `count` bytes."""
        data = b""
        while len(data) < count:
            message = self.receive()
            assert message.command is Command.WRTE, message
            self.send(Command.OKAY, local, remote)
            data += message.payload
        return data

    def shell(self, command: str) -> tuple[int, bytes, bytes]:
        """Run a command by shell,v2; return exit code, stdout, stderr."""
        local, remote = self.open(f"shell,v2,raw:{command}")
        return split_packets(self.read_all(local, remote))

    def _until(self, local: int, remote: int, last: Command) -> list[bytes]:
        seen = []
        while (message := self.receive()).command is not last:
            assert message.command is Command.WRTE, message
            self.send(Command.OKAY, local, remote)
            seen.append(message.payload)
        return seen

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def split_packets(data: bytes) -> tuple[int, bytes, bytes]:
    """Take shell,v2 packets apart: exit code (-1 without one), stdout, stderr."""
    exit_code, streams = -1, {1: b"", 2: b""}
    while data:
        kind, length = struct.unpack_from("<BI", data)
        body, data = data[5 : 5 + length], data[5 + length :]
        if kind == 3:
            exit_code = body[0]
        else:
            streams[kind] += body
    return exit_code, streams[1], streams[2]
