"""`python -m benchmarks.soak`: connects, runs and disconnects again and again, with faults; looks for leaks.

Each cycle opens a session on an emulated phone, loads a module, runs it and compares the result with NumPy's.
In most cycles something goes wrong on the way (`soak_faults`); then the cycle may fail, with a `DeviceError`,
but one without a fault must succeed. After each cycle nothing of it may be left: no process, thread or open
file here; and after each cycle without a fault no server and no folder on the phone, also of those before.
"""

import argparse
import json
import math
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from android_runner.adb_choice import TRANSPORTS, TransportName
from android_runner.adb_routes import DirectRoute, ServerRoute
from android_runner.adb_transport import AdbTransport
from android_runner.device import Session
from android_runner.emulator.faulty_link import FaultyLink
from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from android_runner.emulator.private_adb_server import PrivateAdbServer, new_server
from android_runner.errors import DeviceError
from android_runner.phone_device import PhoneDevice
from android_runner.transport import Transport
from benchmarks.errors import BenchmarkError
from benchmarks.soak_faults import FAULTS, Stage, inject
from benchmarks.soak_leaks import Leftovers, leftovers_here, leftovers_on_phone, wait_until_clean
from benchmarks.soak_module import SHAPE, build_module, expected

_CONNECT_TIMEOUT_S = 20.0
_CALL_TIMEOUT_S = 30.0
_FAULT_SHARE = 0.7
_PHONE = "soak"


@dataclass
class Tally:
    """What a run came to.

    Attributes:
        cycles: how many there were.
        faults: how many cycles had which fault.
        errors: how many cycles ended with which error.
        exact: cycles whose result was NumPy's.
        survived: cycles with a fault whose result was NumPy's all the same.
        failed_without_fault: cycles that had no fault and failed; must be 0.
        leaks: what was left after a cycle; must be empty.
        at_rest: what was here and on the phone before the first cycle.
        at_end: and what after the last one.
    """

    cycles: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    exact: int = 0
    survived: int = 0
    failed_without_fault: int = 0
    leaks: list[str] = field(default_factory=list)
    at_rest: Leftovers = field(default_factory=Leftovers)
    at_end: Leftovers = field(default_factory=Leftovers)

    def describe(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        said = {name: found.describe() for name, found in vars(self).items() if isinstance(found, Leftovers)}
        return vars(self) | {"faults": dict(self.faults), "errors": dict(self.errors)} | said


@dataclass(frozen=True)
class Failure:
    """The error of a cycle: its type's name and its message."""

    error: str
    message: str


class Soak:
    """One phone behind a link that can be made to fail, reached by both transports in turns."""

    def __init__(
        self, phone: EmulatedPhone, link: FaultyLink, server: PrivateAdbServer, module: Path
    ) -> None:
        """Take what a run is made of."""
        self._phone, self._link, self._server, self._module = phone, link, server, module

    def cycle(self, rng: random.Random, transport: TransportName, fault: str | None) -> Failure | None:
        """Make one cycle; return how it failed, None for the right result.

        Raises:
            BenchmarkError: the result is another than NumPy's.
        """
        stage = rng.choice(list(Stage))
        x = np.asarray([[rng.uniform(-1, 1) for _ in range(SHAPE[1])] for _ in range(SHAPE[0])], np.float32)
        device = PhoneDevice(partial(self._connect, transport), kind="emulator", name="emulator")

        def reached(now: Stage) -> None:
            if fault is not None and now is stage:
                inject(fault, rng, self._link, self._phone)

        try:
            reached(Stage.CONNECT)
            with device.session(timeout_s=_CALL_TIMEOUT_S) as session:
                self._run(session, x, reached)
                reached(Stage.CLOSE)
        except DeviceError as exc:
            return Failure(type(exc).__name__, str(exc))  # the error itself would keep the session
        finally:
            self._link.heal()
        return None

    def _run(self, session: Session, x: np.ndarray[Any, Any], reached: Any) -> None:
        reached(Stage.LOAD)
        module = session.load(self._module)
        reached(Stage.RUN)
        (got,) = module.run("main", [x])
        if not np.array_equal(got, expected(x)):
            raise BenchmarkError("expected NumPy's result from the phone; got another one; this is a bug")

    def _connect(self, transport: TransportName) -> Transport:
        serial = f"127.0.0.1:{self._link.port}"
        if transport == "adbutils":
            return AdbTransport.along(ServerRoute(serial, self._server.port), _CONNECT_TIMEOUT_S)
        route = DirectRoute("127.0.0.1", self._link.port, str(self._phone.key))
        return AdbTransport.along(route, _CONNECT_TIMEOUT_S)

    def look_for_leaks(self, before: Leftovers, *, phone_too: bool) -> list[str]:
        """Return what is here or on the phone and was not before the first cycle."""
        if not phone_too:
            return wait_until_clean(leftovers_here, before)

        def now() -> Leftovers:
            # Straight to the phone, past the link that may have been cut a moment ago.
            route = DirectRoute("127.0.0.1", self._phone.port, str(self._phone.key))
            transport = AdbTransport.along(route, _CONNECT_TIMEOUT_S)
            try:
                there = leftovers_on_phone(transport)
            finally:
                transport.close()
            return leftovers_here() | there

        return wait_until_clean(now, before)


def run_soak(cycles: int, seed: int, folder: Path, say: Any = print, limit_s: float = math.inf) -> Tally:
    """Make so many cycles, with the faults that the seed draws.

    Args:
        cycles: how many.
        seed: of everything that is drawn.
        folder: where the phone and the adb server keep their files.
        say: told how it goes.
        limit_s: no cycle is begun after so long.

    Raises:
        BenchmarkError: a result was wrong.
        DeviceError: the phone or the adb server did not start.
    """
    rng = random.Random(seed)
    module = build_module(folder)
    phone = start_phone(cpu="cortex-a53", name=_PHONE, state_dir=folder / "phones")
    home = folder / "adb"
    home.mkdir()
    server = new_server(home)
    tally = Tally()
    try:
        server.trust(phone)
        with FaultyLink(phone.port) as link:
            soak = Soak(phone, link, server, module)
            for name in TRANSPORTS:  # what is made once is no leak
                if error := soak.cycle(rng, name, None):
                    raise BenchmarkError(f"expected a cycle without a fault to succeed; got {error}")
            before = tally.at_rest = leftovers_here() | _phone_at_rest(phone)
            end_s = time.monotonic() + limit_s
            for number in range(cycles):
                if time.monotonic() > end_s:
                    break
                transport = TRANSPORTS[number % 2]
                fault = rng.choice(FAULTS) if rng.random() < _FAULT_SHARE else None
                started_s = time.monotonic()
                error = soak.cycle(rng, transport, fault)
                took_s = time.monotonic() - started_s
                leaks = soak.look_for_leaks(before, phone_too=fault is None)
                _count(tally, fault, error)
                tally.leaks += [f"cycle {number}, {fault}: {leak}" for leak in leaks]
                came = error.message if error else "exact"
                say(f"{number + 1}: {transport}, {fault or 'no fault'}, {took_s:.1f} s, left {leaks}: {came}")
            tally.leaks += [f"at the end: {leak}" for leak in soak.look_for_leaks(before, phone_too=True)]
            tally.at_end = leftovers_here() | _phone_at_rest(phone)
    finally:
        server.stop()
        stop_phone(_PHONE, folder / "phones")
    return tally


def _phone_at_rest(phone: EmulatedPhone) -> Leftovers:
    route = DirectRoute("127.0.0.1", phone.port, str(phone.key))
    transport = AdbTransport.along(route, _CONNECT_TIMEOUT_S)
    try:
        return leftovers_on_phone(transport)
    finally:
        transport.close()


def _count(tally: Tally, fault: str | None, failure: Failure | None) -> None:
    tally.cycles += 1
    if fault is not None:
        tally.faults[fault] += 1
    if failure is not None:
        tally.errors[failure.error] += 1
        tally.failed_without_fault += fault is None
        return
    tally.exact += 1
    tally.survived += fault is not None


def main() -> int:
    """Run from the command line; the exit code is 1 where something leaked or failed without a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no cycle after so long")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the phone ends too
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="groupnet-soak-") as folder:
        say = partial(print, file=sys.stderr, flush=True)
        tally = run_soak(options.cycles, options.seed, Path(folder), say, 60 * options.minutes)
    result = {"seed": options.seed, "seconds": round(time.monotonic() - started_s), **tally.describe()}
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name}: {value}" for name, value in result.items()))
    return 1 if tally.leaks or tally.failed_without_fault else 0


if __name__ == "__main__":
    sys.exit(main())
