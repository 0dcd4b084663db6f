"""The ways to a device: a phone's ADB daemon over TCP or USB, the adb server, or a board's RPC server.

A way gives streams to the phone's services; everything above (shell, files, tunnels) is the same for all. It
is plain data, so that a tunnel's process can go the same way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from android_runner.deadline import Deadline


class Stream(Protocol):
    """A two-way byte stream to one service of the phone; see `adb_streams.AdbStream`."""

    def read(self, deadline: Deadline | None = None) -> bytes:
        """Wait for data; empty once the other side has closed and all was read."""
        ...

    def has_answer(self) -> bool:
        """Return whether `read` would return at once."""
        ...

    def write(self, data: bytes, deadline: Deadline | None = None) -> None:
        """Send data; returns when all of it is under way."""
        ...

    def flush(self, deadline: Deadline | None = None) -> None:
        """Wait until what was sent can no longer be lost by closing."""
        ...

    def close(self) -> None:
        """Close the stream; harmless when it is closed already."""
        ...


class Streams(Protocol):
    """Opens streams to one phone."""

    max_payload_bytes: int

    def open(self, service: str, deadline: Deadline) -> Stream:
        """Open a stream to a service such as ``sync:`` or ``tcp:5000``.

        Raises:
            RefusedServiceError: The phone refused it.
            LinkDownError: The link was down already; nothing was sent.
            TransportError: The link failed, or the time is up.
        """
        ...

    def close(self) -> None:
        """End every stream; later calls fail with LinkLostError."""
        ...


class Route(Protocol):
    """A way to one phone."""

    @property
    def serial(self) -> str:
        """The phone's serial."""
        ...

    def connect(self, timeout_s: float) -> Streams:
        """Go there; raises NoSuchDeviceError or TransportError."""
        ...


@dataclass(frozen=True)
class DirectRoute:
    """To ``host:port``, where the phone's own daemon listens; logs in with an ADB key.

    Attributes:
        host: Name or address of the phone.
        port: Its ADB port.
        key: Path of the private key; the public one lies beside it as ``key.pub``.
    """

    host: str
    port: int
    key: str

    @property
    def serial(self) -> str:
        """``host:port``, as adb calls it."""
        return f"{self.host}:{self.port}"

    def connect(self, timeout_s: float) -> Streams:
        """Log in; raises what `adb_login` raises."""
        from android_runner.adb_login import adb_login
        from android_runner.adb_streams import AdbStreams

        connection, max_payload_bytes = adb_login(self.host, self.port, Path(self.key), timeout_s)
        return AdbStreams(connection, max_payload_bytes, self.serial)


@dataclass(frozen=True)
class UsbRoute:
    """To a phone on USB, which a process of ours owns for all of this user's; logs in with an ADB key.

    Attributes:
        serial: The phone's.
        key: Path of the private key; the public one lies beside it as ``key.pub``.
    """

    serial: str
    key: str

    def connect(self, timeout_s: float) -> Streams:
        """Join the process that has the phone; raises what `connect_relay` raises."""
        from android_runner.adb_streams import AdbStreams
        from android_runner.usb_relay_process import connect_relay

        connection, max_payload_bytes = connect_relay(self.serial, Path(self.key), timeout_s)
        return AdbStreams(connection, max_payload_bytes, self.serial)


@dataclass(frozen=True)
class ServerRoute:
    """Through an adb server on this machine's loopback, which owns the phone's connection and the key.

    Attributes:
        serial: The phone's serial: a USB serial, or ``host:port``.
        port: Where the server listens.
    """

    serial: str
    port: int

    def connect(self, timeout_s: float) -> Streams:
        """Look for the phone at the server; raises what `adb_server.find_phone` raises."""
        from android_runner.adb_server import find_phone
        from android_runner.server_streams import ServerStreams

        find_phone(self.port, self.serial, timeout_s)
        return ServerStreams(self.port, self.serial)


@dataclass(frozen=True)
class BoardRoute:
    """To a board that speaks no ADB: its RPC server is reached as it stands, and is the only service.

    Attributes:
        host: Name or address of the board.
        port: Of its RPC server.
    """

    host: str
    port: int

    @property
    def serial(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    def connect(self, timeout_s: float) -> Streams:  # noqa: ARG002
        """Give streams; each connects for itself."""
        from android_runner.board_streams import BoardStreams

        return BoardStreams(self.host, self.port)


PhoneRoute = DirectRoute | UsbRoute | ServerRoute
TunnelRoute = PhoneRoute | BoardRoute
"""What travels to the process of a tunnel."""

_KINDS: dict[str, type[TunnelRoute]] = {
    "tcp": DirectRoute,
    "usb": UsbRoute,
    "server": ServerRoute,
    "board": BoardRoute,
}


def route_fields(route: TunnelRoute) -> dict[str, Any]:
    """Return a route as plain data."""
    (kind,) = (kind for kind, cls in _KINDS.items() if isinstance(route, cls))
    return {"kind": kind, **asdict(route)}


def parse_route(fields: dict[str, Any]) -> TunnelRoute:
    """Return the route of `route_fields`."""
    return _KINDS[fields["kind"]](**{name: value for name, value in fields.items() if name != "kind"})
