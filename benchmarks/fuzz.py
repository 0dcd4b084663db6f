"""`python -m benchmarks.fuzz`: throws mutated inputs at everything of ours that reads from a socket.

Three parties: the device server's own parsing (C++, compiled here with sanitizers), the ADB client, and the
emulated phone's ADB daemon. A crash, a hang or a broken promise ends it; the same seed repeats it.
"""

import argparse
import json
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import android_runner
from benchmarks.build_tool import run_tool
from benchmarks.errors import BenchmarkError
from benchmarks.fuzz_client import ClientCalls, try_messages
from benchmarks.fuzz_daemon import DaemonConnections

PARTIES = ("server", "client", "daemon")
_HANG_S = 30
_BATCH = 500  # inputs between two looks at the clock
_SERVER_BATCH = 50_000
_CALLS_SHARE = 0.05  # of the client's inputs; the others are single messages, which are far quicker
_SOURCES = ("file_names.cc", "handshake.cc", "options.cc", "sha256.cc")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_FLAGS = ("-std=c++17", "-O1", "-g", "-Wall", "-Wextra", *_SANITIZERS)


def fuzz_server(inputs: int, seed: int, folder: Path) -> dict[str, int]:
    """Fuzz the server's parsing; return how many inputs each parser had.

    Raises:
        BenchmarkError: it crashed, hung, or broke a promise; the message has what it said.
    """
    sources = Path(android_runner.__file__).parent / "device_server"
    program = folder / "fuzz_server"
    driver = Path(__file__).parent / "fuzz_server.cc"
    files = [driver, *(sources / name for name in _SOURCES)]
    run_tool(["g++", *_FLAGS, f"-I{sources}", "-o", program, *files], package="g++")
    counts: dict[str, int] = {}
    for start in range(0, inputs, _SERVER_BATCH):
        count = min(_SERVER_BATCH, inputs - start)
        said = run_tool([program, str(seed + start), str(count), folder], package="none")
        for parser, tried in json.loads(said).items():
            counts[parser] = counts.get(parser, 0) + tried
    return counts


def fuzz_client(inputs: int, seed: int, folder: Path) -> dict[str, int]:
    """Fuzz the ADB client; return how many messages and whole calls were tried; raises BenchmarkError."""
    calls = ClientCalls(folder)
    counts = {"messages": 0, "calls": 0}

    def try_one(rng: random.Random) -> None:
        kind = "calls" if rng.random() < _CALLS_SHARE else "messages"
        counts[kind] += 1
        if kind == "calls":
            calls.try_call(rng)
        else:
            try_messages(rng)

    _repeat(try_one, inputs, seed)
    return counts


def fuzz_daemon(inputs: int, seed: int, folder: Path) -> dict[str, int]:
    """Fuzz the emulated phone's daemon; return how many connections it had; raises BenchmarkError."""
    logging.getLogger("android_runner.emulator").setLevel(logging.CRITICAL)
    connections = DaemonConnections(folder)
    try:
        _repeat(connections.try_connection, inputs, seed)
    finally:
        connections.close()
    return {"connections": inputs}


def _repeat(try_one: Callable[[random.Random], None], inputs: int, seed: int) -> None:
    rng = random.Random(seed)

    def hung(*_: object) -> None:
        raise TimeoutError(f"{_HANG_S} s for {_BATCH} inputs")

    before = signal.signal(signal.SIGALRM, hung)
    try:
        for number in range(inputs):
            if number % _BATCH == 0:
                signal.alarm(_HANG_S)
            try:
                try_one(rng)
            except Exception as exc:  # whatever it is, it is a fault of what was fuzzed
                raise BenchmarkError(
                    f"expected input {number} of seed {seed} to be survived; got {type(exc).__name__}: {exc}"
                ) from exc
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_fuzz(inputs: int, seed: int, parties: tuple[str, ...] = PARTIES) -> dict[str, dict[str, int]]:
    """Give each party so many inputs; return what was tried.

    Raises:
        BenchmarkError: one of them did not survive an input.
    """
    functions = {"server": fuzz_server, "client": fuzz_client, "daemon": fuzz_daemon}
    found = {}
    for party in parties:
        with tempfile.TemporaryDirectory(prefix="groupnet-fuzz-") as folder:
            found[party] = functions[party](inputs, seed, Path(folder))
    return found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for each party")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARTIES, help="this party alone")
    options = parser.parse_args()
    started_s = time.monotonic()
    try:
        found = run_fuzz(options.inputs, options.seed, (options.only,) if options.only else PARTIES)
    except BenchmarkError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(json.dumps({"seed": options.seed, "seconds": round(time.monotonic() - started_s), **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
