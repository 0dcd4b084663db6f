"""The process that has a phone on USB for all processes of this user; the first that wants it starts it.

It is found by a socket in a folder that is this user's alone, and ends soon after the last client. Protocol
of its start: the request is one line of JSON on standard input, the answer one on standard output. Of a
connection: one line of JSON to the client, then ADB's messages both ways.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_runner import errors
from android_runner.deadline import Deadline
from android_runner.errors import (
    DeviceBusyError,
    DeviceError,
    LinkLostError,
    TransportError,
    TransportTimeoutError,
)

if TYPE_CHECKING:
    from android_runner.usb_packets import UsbPackets

IDLE_S = 1.0
"""How long it stays without a client."""

_BUSY_WAIT_S = 2.0  # for one that is just ending
_WAIT_S = 0.05
_MARGIN_S = 3.0  # to start Python, and to say what the phone did in the time it had
_MAX_GREETING_BYTES = 200
_DIGITS = 16


def connect_relay(serial: str, key: Path, timeout_s: float) -> tuple[socket.socket, int]:
    """Connect to the process that has a phone, started if need be; return the socket and the largest payload.

    Args:
        serial: The phone's.
        key: The ADB key to log in with, where nobody has done so.
        timeout_s: For all of it.

    Raises:
        DeviceError: See `find_usb_phone`, `UsbPackets.connect` and `authenticate`.
    """
    deadline = Deadline(timeout_s, "be reached over USB")
    path = _folder() / hashlib.sha256(serial.encode()).hexdigest()[:_DIGITS]
    while True:
        if (greeted := _greeted(path, deadline)) is not None:
            return greeted
        with _sole_starter(path, deadline):
            if (greeted := _greeted(path, deadline)) is not None:
                return greeted
            _start(path, serial, key, deadline)


def _folder() -> Path:
    """Where sockets lie: whoever may look into it may use the phones."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base, "groupnet") if base else Path(tempfile.gettempdir(), f"groupnet-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise TransportError(f"Expected {folder} to be a folder of this user alone; it is not; remove it")
    return folder


def _greeted(path: Path, deadline: Deadline) -> tuple[socket.socket, int] | None:
    """A connection to the process behind a socket; None where there is none, or none any more."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(deadline.remaining_s())
        connection.connect(str(path))
        greeting = bytearray()
        while not greeting.endswith(b"\n"):
            octet = connection.recv(1)
            if not octet or len(greeting) > _MAX_GREETING_BYTES:
                raise ConnectionResetError
            greeting += octet
        connection.settimeout(None)
        return connection, int(json.loads(greeting)["max_payload_bytes"])
    except TimeoutError as exc:
        connection.close()
        raise deadline.error() from exc
    except (FileNotFoundError, ConnectionError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise


@contextmanager
def _sole_starter(path: Path, deadline: Deadline) -> Iterator[None]:
    """Keep others from starting a process for the same phone."""
    with path.with_suffix(".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                deadline.remaining_s()
                time.sleep(_WAIT_S)
        yield


def _start(path: Path, serial: str, key: Path, deadline: Deadline) -> None:
    """Start the process and wait until its socket is there."""
    request = {
        "path": str(path),
        "serial": serial,
        "key": str(key.resolve()),
        "timeout_s": deadline.remaining_s(),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "android_runner.usb_relay_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # It stays when we end, and must not hold whoever reads our messages.
        stderr=subprocess.DEVNULL,
        text=True,
        # A Ctrl-C of the terminal is for us: others may be using the phone.
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise ValueError("Expected a child process whose standard input and output are pipes")
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.close()
        except BrokenPipeError:
            pass  # what it says, or not, tells why
        readable, _, _ = select.select([child.stdout], [], [], deadline.remaining_s() + _MARGIN_S)
        if not readable:
            child.kill()
            raise deadline.error()
        answer = json.loads(child.stdout.readline() or "{}")
    if "error" in answer:
        raise getattr(errors, answer["error"])(answer["message"])
    if "ready" not in answer:
        raise LinkLostError(
            "Expected a process to take the phone on USB; it ended without a word; run `groupnet doctor`"
        )


def main() -> int:
    """Take the phone that standard input asks for, tell standard output, and serve; return the exit code."""
    request = json.loads(sys.stdin.readline())
    if os.fork():
        return 0  # whoever started this need not wait for its end
    from android_runner.usb_relay import UsbRelay

    path = Path(request["path"])
    try:
        phone, max_payload_bytes = _log_in(request["serial"], Path(request["key"]), request["timeout_s"])
    except DeviceError as exc:
        _tell({"error": type(exc).__name__, "message": str(exc)})
        return 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            path.unlink(missing_ok=True)  # of one that was killed
            listener.bind(str(path))
            listener.listen()
            _tell({"ready": True})
            UsbRelay(phone, max_payload_bytes, listener, IDLE_S).run()
        finally:
            # Before the phone is given back: the next one binds the same path once it has the phone.
            path.unlink(missing_ok=True)
            phone.close()
    return 0


def _log_in(serial: str, key: Path, timeout_s: float) -> tuple[UsbPackets, int]:
    from adb_shell.exceptions import AdbTimeoutError

    from android_runner.adb_login import NOT_ADB, USB_FAILED, authenticate
    from android_runner.usb_phones import find_usb_phone

    busy_until_s = time.monotonic() + _BUSY_WAIT_S
    while True:
        phone = find_usb_phone(serial)
        try:
            return phone, authenticate(phone, f"the phone {serial}", key, timeout_s)
        except BaseException as exc:
            phone.close()
            if isinstance(exc, AdbTimeoutError):
                raise TransportTimeoutError(
                    f"Expected {serial} to answer on USB within {timeout_s:g} s; it did not; "
                    "unlock it, or plug it in again"
                ) from exc
            if isinstance(exc, USB_FAILED):
                raise phone.explain(exc) from exc
            if isinstance(exc, NOT_ADB):
                raise LinkLostError(
                    f"Expected {serial} to speak ADB on USB; got {exc}; plug it in again"
                ) from exc
            if not isinstance(exc, DeviceBusyError) or time.monotonic() > busy_until_s:
                raise
        time.sleep(_WAIT_S)


def _tell(answer: dict[str, Any]) -> None:
    """Answer whoever started this, and hold its pipe no longer."""
    try:
        os.write(1, json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        pass  # it has given up
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
