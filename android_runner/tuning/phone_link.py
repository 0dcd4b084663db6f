"""How a measuring process reaches its phone: a server of its own over ADB, pinned to the cores asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from android_runner.errors import NoSuchDeviceError
from android_runner.phone_cores import choose_cores, read_cores
from android_runner.phone_device import PhoneDevice
from android_runner.probe import core_features
from android_runner.target_choice import choose_target
from android_runner.tuning.device_state import DeviceState, read_state

if TYPE_CHECKING:
    from android_runner.phone_session import PhoneSession
    from android_runner.server import RunningServer
    from android_runner.transport import Transport

_ASK_TIMEOUT_S = 15.0
_PHONE_DIGITS = 8


class OpenPhone(Protocol):
    """A phone that can measure."""

    @property
    def session(self) -> PhoneSession:
        """What kernels are loaded and run in."""
        ...

    def state(self) -> DeviceState:
        """Return its state of a moment ago; raises TransportError where it cannot be reached."""
        ...

    def check(self) -> None:
        """Raise TransportError if it cannot be reached right now."""
        ...


class PhoneLink(Protocol):
    """Opens a phone; travels to the process that measures."""

    def open(self, limit_s: float) -> AbstractContextManager[OpenPhone]:
        """Open a session in which no call takes longer than ``limit_s``; raises DeviceError."""
        ...


@dataclass(frozen=True)
class PinnedServer:
    """A server on a phone that may use certain cores alone, and what is asked of the phone meanwhile."""

    transport: Transport
    server: RunningServer
    cores: tuple[int, ...]
    phone: str
    soc: str

    def state(self) -> DeviceState:
        """Ask the phone for its state; raises TransportError."""
        return read_state(self.transport, self.server, self.cores[0], self.phone, self.soc)


@contextmanager
def pinned_server(device: PhoneDevice, transport: Transport, cores: str) -> Iterator[PinnedServer]:
    """Start a server on the cores that a text means (`choose_cores`), and read back that it has them.

    Raises:
        CoresUnavailableError: the phone has no such cores, or does not let us have them.
        DeviceError: see `device_server`.
    """
    from android_runner.run_control import RunControl, controlled_server

    with controlled_server(device, transport, RunControl(cores)) as (server, conditions):
        phone = phone_digits(transport.serial)
        yield PinnedServer(transport, server, conditions.cores, phone, chip_name(transport))


@dataclass(frozen=True)
class AdbLink:
    """Implements `PhoneLink` on ADB: `device` is as `open_device` takes it, `cores` as `choose_cores`."""

    device: str
    cores: str

    @contextmanager
    def open(self, limit_s: float) -> Iterator[OpenPhone]:
        """Start a server and open a session; see `PhoneLink.open`."""
        from android_runner.phone_session import PhoneSession
        from android_runner.rpc_endpoint import PhoneEndpoint

        device = phone_named(self.device)
        with device.transport() as transport:
            arch = device.describe(transport).arch
            with pinned_server(device, transport, self.cores) as server:
                session = PhoneSession(PhoneEndpoint(transport, server.server, limit_s), arch, limit_s)
                try:
                    yield _AdbPhone(session, server)
                finally:
                    session.close()


@dataclass(frozen=True)
class _AdbPhone:
    session: PhoneSession
    server: PinnedServer

    def state(self) -> DeviceState:
        return self.server.state()

    def check(self) -> None:
        self.server.state()


def phone_named(spec: str) -> PhoneDevice:
    """Return the phone of a name; raises NoSuchDeviceError where it names none."""
    from android_runner.devices import open_device

    device = open_device(spec)
    if not isinstance(device, PhoneDevice):
        raise NoSuchDeviceError(f"Expected a phone, emulator or adb:SERIAL; got '{spec}'; choose one")
    return device


def target_for(transport: Transport, cores: str) -> tuple[str, str]:
    """Return the name of the cores that a text means, and what to compile for them (`choose_target`).

    Raises:
        CoresUnavailableError: the phone has no such cores.
        TransportError: it cannot be reached.
    """
    cpuinfo = transport.shell("cat /proc/cpuinfo", timeout_s=_ASK_TIMEOUT_S, check=False).stdout
    chosen = choose_cores(read_cores(transport), cores)
    return chosen[0].name, choose_target(chosen, core_features(cpuinfo)).text


def chip_name(transport: Transport) -> str:
    """Return a phone's chip, or its board where Android is too old to name the chip."""
    command = "getprop ro.soc.model; getprop ro.board.platform"
    said = transport.shell(command, timeout_s=_ASK_TIMEOUT_S, check=False).stdout
    return next((line.strip() for line in said.splitlines() if line.strip()), "")


def phone_digits(serial: str) -> str:
    """Return digits that tell a phone from others without telling its serial."""
    return hashlib.sha256(serial.encode()).hexdigest()[:_PHONE_DIGITS]
