"""The transport through the adb server of this machine, by `adbutils`: phones on USB, beside other tools."""

from __future__ import annotations

from android_runner.adb_routes import ServerRoute
from android_runner.adb_transport import AdbTransport


class AdbutilsTransport(AdbTransport):
    """Goes through the adb server, which is started where none runs."""

    @classmethod
    def connect(cls, serial: str, port: int, timeout_s: float) -> AdbutilsTransport:
        """Connect to a phone of the server on ``port``; raises what `adb_server.find_phone` raises."""
        route = ServerRoute(serial, port)
        return cls(route.connect(timeout_s), route)
