"""A link to an emulated phone that goes wrong when told to: it is cut, stalls, or lets nobody in.

A process of its own, as tunnels are: TVM's client waits with Python's global lock held, and a relay on
threads of that process would then carry nothing. Protocol: the child says its port, then answers each line of
JSON, ``[method, argument, ...]`` of `LinkRelay`, with an empty line; when its standard input ends, it does.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path

from android_runner.emulator.errors import PhoneStartError
from android_runner.emulator.link_relay import LinkRelay

_TIMEOUT_S = 30.0


class FaultyLink:
    """Relays connections to a phone's daemon; a context manager.

    Attributes:
        port: Where clients connect in the phone's stead.
    """

    def __init__(self, phone_port: int) -> None:
        """Listen for clients of the daemon on ``phone_port``.

        Raises:
            PhoneStartError: The child process does not come up.
        """
        self._child = subprocess.Popen(
            [sys.executable, "-m", "android_runner.emulator.faulty_link", str(phone_port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C of the terminal is not for it
            cwd=Path(__file__).parents[2],
        )
        self.port = int(self._answer())

    def __enter__(self) -> FaultyLink:
        """Give the link."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it and every connection."""
        try:
            self._child.communicate(timeout=_TIMEOUT_S)  # closes its standard input, which ends it
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()

    def cut(self) -> None:
        """End every connection there is, as a pulled cable does; new ones are let in."""
        self._tell("cut")

    def cut_after(self, count: int) -> None:
        """Cut when ``count`` more bytes have gone through, in the middle of whatever is sent then."""
        self._tell("cut_after", count)

    def refuse(self, refusing: bool) -> None:
        """Close new connections at once, as while a phone boots; or let them in again."""
        self._tell("refuse", refusing)

    def stall(self, stalling: bool) -> None:
        """Let connections stand and carry nothing, new ones too; or go on where they stood."""
        self._tell("stall", stalling)

    def heal(self) -> None:
        """Let connections start, stand and carry data from now on, whatever was told before."""
        self._tell("heal")

    def _tell(self, *call: str | int | bool) -> None:
        if self._child.stdin is None:
            raise ValueError("Expected a child process whose standard input is a pipe")
        self._child.stdin.write(json.dumps(call) + "\n")
        self._child.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        output = self._child.stdout
        if output is None or not select.select([output], [], [], _TIMEOUT_S)[0]:
            raise PhoneStartError("Expected an answer of the faulty link's process; got none; start it again")
        line = output.readline()
        if not line:
            raise PhoneStartError("Expected the faulty link's process to live; it ended; start it again")
        return line


def main() -> None:
    """Be the link to the port of the command line until standard input ends."""
    with LinkRelay(int(sys.argv[1])) as relay:
        print(relay.port, flush=True)
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            getattr(relay, method)(*arguments)
            print(flush=True)


if __name__ == "__main__":
    main()
