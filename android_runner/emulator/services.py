"""Which service a destination names."""

from __future__ import annotations

from android_runner.emulator.confined import ConfinedRoot
from android_runner.emulator.connection import Connection, ServiceRefusedError
from android_runner.emulator.machine import Machine
from android_runner.emulator.services_shell import serve_shell_v1, serve_shell_v2, serve_terminal
from android_runner.emulator.services_sync import serve_sync
from android_runner.emulator.services_tcp import ReverseForwards, serve_tcp
from android_runner.emulator.stream import Stream

FEATURES = ("shell_v2", "stat_v2", "ls_v2", "fixed_push_mkdir")
"""What the daemon tells clients it can do beyond ADB's first version; nothing that it cannot."""


class PhoneServices:
    """The services of one connection."""

    def __init__(self, machine: Machine) -> None:
        """Serve ``machine``."""
        self._machine = machine
        self._root = ConfinedRoot(machine.root)
        self._reverse: ReverseForwards | None = None

    async def serve(self, connection: Connection, stream: Stream, destination: str) -> None:
        """Serve ``shell:``, ``shell,v2:``, ``exec:``, ``sync:``, ``tcp:`` and ``reverse:``.

        Raises:
            ServiceRefusedError: The phone has no such service.
        """
        name, _, argument = destination.partition(":")
        kind, *options = name.split(",")
        if kind == "shell" and {"v2", "pty"} <= set(options):
            term = next((option[5:] for option in options if option.startswith("TERM=")), "dumb")
            await serve_terminal(stream, self._machine, argument, kind=term)
        elif kind == "shell" and "v2" in options:
            await serve_shell_v2(stream, self._machine, argument)
        elif kind in ("shell", "exec"):
            await serve_shell_v1(stream, self._machine, argument)
        elif name == "sync":
            await serve_sync(stream, self._root)
        elif name == "tcp":
            await serve_tcp(stream, argument)
        elif name == "reverse":
            if self._reverse is None:
                self._reverse = ReverseForwards(connection)
            await self._reverse.serve(stream, argument)
        else:
            raise ServiceRefusedError("expected one of shell, exec, sync, tcp, reverse; got another service")

    def close(self) -> None:
        """Stop listening for the client."""
        if self._reverse is not None:
            self._reverse.close()
