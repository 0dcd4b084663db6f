"""How a run is controlled on a phone: its cores and their governor, all of it read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from android_runner.errors import CoresUnavailableError
from android_runner.governor import GovernorChange, governor_set, read_governors
from android_runner.phone_cores import choose_cores, read_cores
from android_runner.server import RunningServer, allowed_cores
from android_runner.transport import Transport

if TYPE_CHECKING:
    from android_runner.phone_device import PhoneDevice


@dataclass(frozen=True)
class RunControl:
    """What is asked of a run.

    Attributes:
        cores: As `choose_cores` takes it; None: the runtime takes the fastest ones.
        governor: What shall set their clocks; None: what sets them anyway.
    """

    cores: str | None = None
    governor: str | None = None


@dataclass(frozen=True)
class Conditions:
    """What a run had, as the phone told it.

    Attributes:
        asked: What was asked for.
        cores: Numbers of the cores that the server may use, read back.
        kinds: What these cores are.
        governors: Of their clocks, before anything was changed; empty: not told.
        change: What was done to them; None: nothing was asked.
    """

    asked: RunControl
    cores: tuple[int, ...]
    kinds: tuple[str, ...]
    governors: dict[str, str]
    change: GovernorChange | None = None

    @property
    def pinned(self) -> tuple[int, ...]:
        """The cores that were asked for; none where the runtime chose among all."""
        return self.cores if self.asked.cores is not None else ()


@contextmanager
def controlled_server(
    device: PhoneDevice, transport: Transport, control: RunControl
) -> Iterator[tuple[RunningServer, Conditions]]:
    """Run a server under some control; afterwards the governors are what they were.

    Raises:
        CoresUnavailableError: The phone has no such cores or governor, or does not let us have the cores.
        DeviceError: See `device_server`.
    """
    cores = read_cores(transport)
    wanted = [] if control.cores is None else [core.number for core in choose_cores(cores, control.cores)]
    with ExitStack() as stack:
        server = stack.enter_context(device.server(transport, wanted))
        allowed = allowed_cores(transport, server)
        if wanted:
            check_allowed(wanted, allowed, transport.serial)
        governors = read_governors(transport, allowed)
        change = None
        if control.governor is not None:
            change = stack.enter_context(governor_set(transport, server.folder, allowed, control.governor))
        kinds = tuple(dict.fromkeys(core.name for core in cores if core.number in allowed))
        yield server, Conditions(control, allowed, kinds, governors, change)


def check_allowed(wanted: list[int], allowed: tuple[int, ...], serial: str) -> None:
    """Raise CoresUnavailableError unless a phone lets us have the very cores that were asked for."""
    if set(allowed) != set(wanted):
        raise CoresUnavailableError(
            f"Expected the cores {_listed(wanted)} of {serial}; it allows {_listed(allowed)}; "
            "wake the phone's screen, or choose among those"
        )


def _listed(cores: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, cores)) or "none"
