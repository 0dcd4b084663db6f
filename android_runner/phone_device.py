"""A phone as a device, whatever transport reaches it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

from android_runner.device import DEFAULT_CALL_TIMEOUT_S, DeviceInfo, Session
from android_runner.phone_probe import parse_hardware, read_answers
from android_runner.probe import core_names, describe_cores, parse_properties
from android_runner.reconnecting import ReconnectingTransport
from android_runner.run_control import Conditions, RunControl, controlled_server
from android_runner.runtime_package import device_runtime
from android_runner.server import RunningServer, ServerLimits, device_server
from android_runner.throttling import Reading
from android_runner.transport import Transport
from android_runner.tuning.cool_down import cool_down
from android_runner.tuning.device_state import DeviceState, describe_temperatures, read_temperatures
from android_runner.watch import watching

logger = logging.getLogger(__name__)

_PROBE_TIMEOUT_S = 15.0


class PhoneDevice:
    """Implements `android_runner.device.Device` for a phone."""

    def __init__(
        self,
        connect: Callable[[], Transport],
        *,
        kind: Literal["emulator", "adb"],
        name: str,
        limits: ServerLimits | None = None,
    ) -> None:
        """Remember how to reach the phone; ``connect`` opens a new transport each time it is called."""
        self._connect = connect
        self._kind = kind
        self._name = name
        self._limits = limits

    def info(self) -> DeviceInfo:
        """Ask the phone who it is; raises TransportError where it cannot be reached."""
        with self.transport() as transport:
            return self.describe(transport)

    @contextmanager
    def watch(self) -> Iterator[list[Reading]]:
        """Read clocks and temperatures over a link of its own; see `watching`."""
        with self.transport() as transport, watching(transport) as readings:
            yield readings

    @contextmanager
    def session(
        self, *, timeout_s: float = DEFAULT_CALL_TIMEOUT_S, control: RunControl | None = None
    ) -> Iterator[Session]:
        """Install the runtime, start a server and open a session; see `Device.session`."""
        # Imported here: TVM takes over a second to import, and asking a phone who it is needs none of it.
        from android_runner.phone_session import PhoneSession
        from android_runner.rpc_endpoint import PhoneEndpoint

        with self.transport() as transport, ExitStack() as stack:
            info = self.describe(transport)
            conditions: Conditions | None = None
            if control is None:
                server = stack.enter_context(self.server(transport))
            else:
                server, conditions = stack.enter_context(controlled_server(self, transport, control))
            endpoint = PhoneEndpoint(transport, server, timeout_s)
            session = PhoneSession(endpoint, info.arch, timeout_s, conditions)
            try:
                yield session
            finally:
                session.close()

    def cool_down(self, say: Callable[[str], None]) -> DeviceState:
        """Wait until the phone is cool; see `Device.cool_down`."""
        with self.transport() as transport:
            last = DeviceState()

            def read() -> DeviceState:
                nonlocal last
                last = read_temperatures(transport)
                return last

            def wait(seconds: float) -> None:
                say(f"{self._name} is too warm ({describe_temperatures(last)}): waiting for it to cool down")
                time.sleep(seconds)

            return cool_down(read, sleep=wait)

    @contextmanager
    def transport(self) -> Iterator[Transport]:
        """Connect to the phone, again when the link is lost; raises TransportError if it is not there."""
        transport = ReconnectingTransport(self._connect)
        try:
            yield transport
        finally:
            transport.close()

    @contextmanager
    def server(self, transport: Transport, cores: Sequence[int] = ()) -> Iterator[RunningServer]:
        """Install the runtime and run a server that may use the given cores; see `device_server`."""
        package = device_runtime(progress=logger.info)
        logger.info("Starting the device server on %s", transport.serial)
        with device_server(transport, package, self._limits, cores) as server:
            yield server

    def describe(self, transport: Transport) -> DeviceInfo:
        """Ask who is at the other end of a link."""
        return probe_phone(transport, self._kind, self._name)


def probe_phone(transport: Transport, kind: Literal["emulator", "adb"], name: str) -> DeviceInfo:
    """Return what a phone says about itself."""

    def ask(command: str) -> str:
        return transport.shell(command, timeout_s=_PROBE_TIMEOUT_S, check=False).stdout.strip()

    answers = read_answers(transport)
    properties = parse_properties(answers.properties)
    cores = core_names(answers.cpuinfo)
    online = ask("nproc")
    return DeviceInfo(
        kind=kind,
        name=name,
        serial=transport.serial,
        model=properties.get("ro.product.model", "unknown"),
        cpu=describe_cores(cores),
        arch=ask("uname -m"),
        # Android's own emulator says so in one of these two, depending on its release.
        emulated=kind == "emulator"
        or "1" in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu")),
        android=properties.get("ro.build.version.release"),
        cores=int(online) if online.isdecimal() else max(1, len(cores)),
        hardware=parse_hardware(answers),
    )
