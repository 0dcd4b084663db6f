"""Which emulated phones run: one folder each, with a ``state.json`` written whole."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from android_runner.emulator.errors import PhoneConfigurationError, PhoneRunningError, PhoneStartError
from android_runner.emulator.processes import ProcessId, is_running

STATE_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_POLL_S = 0.02
_REMOVE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class PhoneState:
    """What is known of a started phone.

    Attributes:
        cpu: The profile's name.
        port: Where its daemon listens on 127.0.0.1.
        process: The process whose end is the phone's end.
        isolated: Whether it has namespaces of its own.
        disk_limit_bytes: The size of its /data; ``None`` for as much as the host has.
    """

    cpu: str
    port: int
    process: ProcessId
    isolated: bool
    disk_limit_bytes: int | None


class PhoneFolder:
    """The folder of one phone, running or not."""

    def __init__(self, state_dir: Path, name: str) -> None:
        """Name the folder ``state_dir/name``; nothing is made yet.

        Raises:
            PhoneConfigurationError: The name would not do as a folder's name.
        """
        if not _NAME.fullmatch(name):
            raise PhoneConfigurationError(
                f"Expected a phone's name of up to 64 letters, digits, - and _; got '{name}'; choose another"
            )
        self.name = name
        self.path = state_dir.absolute() / name
        self.root = self.path / "root"
        self.key = self.path / "adbkey"
        self.public_key = self.path / "adbkey.pub"
        self.log = self.path / "log"
        self.ready = self.path / "ready.json"
        self._state = self.path / "state.json"
        self._lock = self.path.with_name(f".{name}.lock")

    @contextmanager
    def locked(self, *, timeout_s: float) -> Iterator[None]:
        """Hold the phone against others that start or stop it at the same time.

        Raises:
            PhoneRunningError: Another process held it for all of ``timeout_s``.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + timeout_s
        with open(self._lock, "w", encoding="ascii") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise PhoneRunningError(
                            f"Expected to start or stop the phone '{self.name}'; another process has been at "
                            f"it for {timeout_s:g} s; try again when it is done"
                        ) from None
                    time.sleep(_POLL_S)
            yield

    def load(self) -> PhoneState | None:
        """Return the phone's state if it runs; ``None`` also if its process is gone or the file broken."""
        try:
            fields = json.loads(self._state.read_text(encoding="utf-8"))
            if fields.pop("version") != STATE_VERSION:
                return None
            fields["process"] = ProcessId(**fields["process"])
            state = PhoneState(**fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return state if is_running(state.process) else None

    def save(self, state: PhoneState) -> None:
        """Write the state, whole or not at all."""
        half = self._state.with_name("state.json.new")
        half.write_text(json.dumps({"version": STATE_VERSION, **asdict(state)}, indent=2), encoding="utf-8")
        half.replace(self._state)

    def remove(self) -> None:
        """Remove everything the phone had; its processes must have been told to end."""
        deadline = time.monotonic() + _REMOVE_TIMEOUT_S
        while True:
            try:
                shutil.rmtree(self.path)
            except FileNotFoundError:
                if not self.path.exists():
                    return
            except PermissionError:
                # A program on the phone may have made a folder that its owner cannot write to.
                _make_writable(self.path)
            except OSError as exc:
                # A process that was killed may still be in the middle of writing its last file.
                if exc.errno != errno.ENOTEMPTY:
                    raise
            else:
                return
            if time.monotonic() > deadline:
                raise PhoneStartError(
                    f"Expected {self.path} to be removable; got files that stay; remove it by hand"
                )
            time.sleep(_POLL_S)


def default_state_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/groupnet/emulator`` (``~/.cache`` where that is not set)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    cache = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return cache / "groupnet" / "emulator"


def phone_names(state_dir: Path) -> list[str]:
    """Return the names of the folders in ``state_dir`` that may be phones."""
    if not state_dir.is_dir():
        return []
    return sorted(
        entry.name for entry in state_dir.iterdir() if _NAME.fullmatch(entry.name) and entry.is_dir()
    )


def _make_writable(folder: Path) -> None:
    folder.chmod(0o700)
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)
