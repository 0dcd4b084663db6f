"""The transport over ADB on TCP in pure Python, without an adb server."""

from __future__ import annotations

from pathlib import Path

from android_runner.adb_routes import DirectRoute
from android_runner.adb_transport import AdbTransport


class AdbShellTransport(AdbTransport):
    """Goes straight to a phone that offers ADB over TCP."""

    @classmethod
    def connect(cls, host: str, port: int, key: Path, timeout_s: float) -> AdbShellTransport:
        """Connect to ``host:port`` with an ADB key; raises what `adb_login` raises."""
        # Resolved: the tunnel's process has another working folder.
        route = DirectRoute(host, port, str(key.resolve()))
        return cls(route.connect(timeout_s), route)
