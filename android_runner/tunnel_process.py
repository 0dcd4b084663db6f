"""A tunnel in a process of its own, for programs that wait on it while they hold Python's global lock.

TVM releases remote objects with a blocking RPC call, from Python's destructors, with the lock held. A tunnel
on threads of that same process would never get to carry the answer.

Protocol: the request is one line of JSON on standard input, the answer one on standard output; when standard
input ends, the tunnel does.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from android_runner import errors
from android_runner.adb_routes import TunnelRoute, parse_route, route_fields
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, LinkLostError
from android_runner.tunnel import Tunnel

_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class TunnelRequest:
    """Where a tunnel leads.

    Attributes:
        route: The way to the phone.
        remote_port: The port of the phone's 127.0.0.1 to reach.
        open_timeout_s: Limit for connecting and opening.
        answer_timeout_s: A connection whose last words have had no answer for so long is ended; None: never.
    """

    route: TunnelRoute
    remote_port: int
    open_timeout_s: float
    answer_timeout_s: float | None

    def encode(self) -> str:
        """Return the line that `decode` reads."""
        return json.dumps(
            {
                "route": route_fields(self.route),
                "remote_port": self.remote_port,
                "open_timeout_s": self.open_timeout_s,
                "answer_timeout_s": self.answer_timeout_s,
            }
        )

    @classmethod
    def decode(cls, line: str) -> TunnelRequest:
        """Return what a line of `encode` says."""
        fields = json.loads(line)
        return cls(**fields | {"route": parse_route(fields["route"])})


@contextmanager
def tunnel_process(request: TunnelRequest) -> Iterator[int]:
    """Run a tunnel in a child process; give its local port.

    Raises:
        RefusedPortError: Nothing listens on the phone's port.
        TransportError: The link failed, or the time is up.
    """
    deadline = Deadline(request.open_timeout_s, f"open a tunnel to its port {request.remote_port}")
    child = subprocess.Popen(
        [sys.executable, "-m", "android_runner.tunnel_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A Ctrl-C of the terminal is for the caller, who still needs the tunnel to end the session in order.
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        yield _ask(child, request, deadline)
    finally:
        try:
            child.communicate(timeout=_STOP_TIMEOUT_S)  # closes its standard input, which ends it
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()


def _ask(child: subprocess.Popen[str], request: TunnelRequest, deadline: Deadline) -> int:
    if child.stdin is None or child.stdout is None:
        raise ValueError("Expected a child process whose standard input and output are pipes")
    try:
        child.stdin.write(request.encode() + "\n")
        child.stdin.flush()
    except BrokenPipeError as exc:
        raise LinkLostError("Expected the tunnel's process to start; it ended at once; try again") from exc
    readable, _, _ = select.select([child.stdout], [], [], deadline.remaining_s())
    if not readable:
        raise deadline.error()
    answer = json.loads(child.stdout.readline() or "{}")
    if "error" in answer:
        raise getattr(errors, answer["error"])(answer["message"])
    if "local_port" not in answer:
        raise LinkLostError("Expected the tunnel to open; its process ended without a word; try again")
    return int(answer["local_port"])


def main() -> int:
    """Serve one request from standard input until it ends; return the exit code."""
    request = TunnelRequest.decode(sys.stdin.readline())
    try:
        deadline = Deadline(request.open_timeout_s, f"open a tunnel to its port {request.remote_port}")
        streams = request.route.connect(deadline.remaining_s())
        tunnel = Tunnel(streams, request.remote_port, deadline, request.answer_timeout_s)
    except DeviceError as exc:
        print(json.dumps({"error": type(exc).__name__, "message": str(exc)}), flush=True)
        return 1
    print(json.dumps({"local_port": tunnel.local_port}), flush=True)
    sys.stdin.read()
    tunnel.close()
    streams.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
