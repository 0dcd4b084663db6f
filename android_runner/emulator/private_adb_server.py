"""Google's adb server beside emulated phones, with a port, a home and a key of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import adbutils

from android_runner.adb_keys import generate_key
from android_runner.emulator.errors import PhoneStartError
from android_runner.emulator.phone import EmulatedPhone

_TIMEOUT_S = 30.0
_POLL_S = 0.02


@dataclass
class PrivateAdbServer:
    """A server that `new_server` made; `trust` restarts it with one more phone's key.

    Attributes:
        home: Where it keeps what it writes.
        port: Where it listens.
        keys: The phones' private keys that it has beside its own.
        process: It, while it runs.
    """

    home: Path
    port: int
    keys: tuple[Path, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in the foreground of a child process, and wait until it listens.

        Raises:
            PhoneStartError: It does not come up.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "ADB_VENDOR_KEYS": os.pathsep.join(map(str, self.keys)),
            "ADB_MDNS": "0",
        }
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [adbutils.adb_path(), "-P", str(self.port), "nodaemon", "server"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up_at = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_S).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > give_up_at or self.process.poll() is not None:
                    raise PhoneStartError(
                        f"Expected an adb server on port {self.port}; it does not come up; "
                        f"look at {self.home}/server.log"
                    ) from None
                time.sleep(_POLL_S)

    def stop(self) -> None:
        """End that very process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(_TIMEOUT_S)
            self.process = None

    def trust(self, phone: EmulatedPhone) -> None:
        """Give the server the key that a phone accepts."""
        if phone.key not in self.keys:
            self.stop()
            self.keys = (*self.keys, phone.key)
            self.start()


def new_server(home: Path) -> PrivateAdbServer:
    """Return a server that is not started yet; without `trust` no phone accepts its key."""
    (home / ".android").mkdir()
    generate_key(home / ".android" / "adbkey", name="adb-server@groupnet")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return PrivateAdbServer(home, port)
