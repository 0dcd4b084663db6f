"""Emulated phones on the USB of `fake_libusb/usb1.py`, for this process and those that it starts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

_FAKE = Path(__file__).parent / "fake_libusb"
_TOLD = "phones.json"


@dataclass(frozen=True)
class UsbPhone:
    """A phone that is plugged in.

    Attributes:
        serial: None for one that this user may not ask.
        port: Of its daemon.
        fault: `access`: it may be asked and not be opened.
        stale: So many bytes of a former connection are still to be read.
        empty_packets: Whether a transfer that fills its packets is ended by an empty one; adbd's are not.
    """

    serial: str | None
    port: int
    fault: str | None = None
    stale: int = 0
    empty_packets: bool = False


@dataclass(frozen=True)
class FakeUsb:
    """This machine's USB."""

    folder: Path

    def plug(self, phones: Sequence[UsbPhone]) -> None:
        """Let these phones and no others be there."""
        (self.folder / _TOLD).write_text(json.dumps([asdict(phone) for phone in phones]))

    def lock(self, serial: str) -> Path:
        """The file that whoever has claimed the phone has locked."""
        return self.folder / f"{serial}.lock"


@contextmanager
def fake_usb(folder: Path) -> Iterator[FakeUsb]:
    """Replace libusb, and where the processes are found that have a phone."""
    names = [name for name in sys.modules if name in ("usb1", "adb_shell.transport.usb_transport")]
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delitem(sys.modules, name)
        patch.syspath_prepend(_FAKE)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(_FAKE), os.environ.get("PYTHONPATH")))))
        patch.setenv("FAKE_USB", str(folder / _TOLD))
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        usb = FakeUsb(folder)
        usb.plug([])
        yield usb
        for name in ("usb1", "adb_shell.transport.usb_transport"):
            sys.modules.pop(name, None)
