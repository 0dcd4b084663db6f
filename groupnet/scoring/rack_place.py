"""A phone of a rack as a place, behind a process of its own: TVM's RPC client may stop all Python threads."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from android_runner import errors
from android_runner.errors import DeviceError, MeasuringProcessError, ServerError, TransportTimeoutError
from groupnet.scoring.places import Place

if TYPE_CHECKING:
    from android_runner.rack.tracked_link import TrackedLink
    from android_runner.verification import ReferenceTensors, VerificationPlan, VerificationReport

Array = npt.NDArray[Any]

_OPEN_LIMIT_S = 180.0
_CALL_LIMIT_S = 120.0  # the agent ends a call long before
_STOP_S = 5.0


class RackOpener:
    """Implements `PlaceOpener` on a free phone of a key."""

    def __init__(self, bundle: Path, link: "TrackedLink", limit_s: float, threads: int) -> None:
        """Take the bundle's folder, how to reach a phone, the limit of a call there, and kernels' threads."""
        self._arguments = (bundle, link, limit_s, threads)
        self._process: multiprocessing.process.BaseProcess | None = None

    @contextmanager
    def open(self) -> Iterator[Place]:
        """Start a process that opens a phone; see `PlaceOpener.open`."""
        # A fresh interpreter: TVM's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = self._process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        try:
            name, about = _receive(ours, "open a phone", _OPEN_LIMIT_S)
            yield _RackPlace(name, about, ours)
        finally:
            ours.close()  # by which the process ends
            process.join(_STOP_S)
            self.stop()
            process.join()

    def stop(self) -> None:
        """End the process; see `PlaceOpener.stop`."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()


class _RackPlace:
    """Implements `Place` on the other end of a pipe."""

    def __init__(self, name: str, about: dict[str, Any], connection: Connection) -> None:
        self.name, self.about, self._connection = name, about, connection

    def start(self, rows: Array) -> None:
        _send(self._connection, ("start", rows))

    def finish(self) -> list[Array]:
        _send(self._connection, ("finish",))
        outputs: list[Array] = _receive(self._connection, "run a batch", _CALL_LIMIT_S)
        return outputs

    def verify(self, plan: "VerificationPlan", reference: "ReferenceTensors") -> "VerificationReport":
        _send(self._connection, ("verify", plan, reference))
        report: VerificationReport = _receive(self._connection, "verify the bundle", 4 * _CALL_LIMIT_S)
        return report


def _send(connection: Connection, message: Any) -> None:
    try:
        connection.send(message)
    except OSError as exc:
        # What it said last tells why; `start` has no answer of its own.
        _receive(connection, "take images", 0.0)
        raise ServerError("Expected a scoring process to take images; it ended; start again") from exc


def _receive(connection: Connection, what: str, limit_s: float) -> Any:
    """The answer to what was sent; raises what went wrong there."""
    try:
        if not connection.poll(limit_s):
            raise TransportTimeoutError(
                f"Expected a phone to {what} within {limit_s:g} s; it did not; look at its agent"
            )
        answer = connection.recv()
    except (EOFError, OSError) as exc:
        raise MeasuringProcessError(
            f"Expected a process to {what} on a phone; it ended from outside; run `groupnet doctor`"
        ) from exc
    if isinstance(answer, _Failure):
        raise answer.rebuild()
    return answer


class _Failure:
    """A DeviceError that crosses the pipe: its name and message."""

    def __init__(self, error: DeviceError) -> None:
        self._name, self._message = type(error).__name__, str(error)

    def rebuild(self) -> DeviceError:
        kind = getattr(errors, self._name, ServerError)
        try:
            error = kind(self._message)
        except TypeError:  # of an error that is told more than its message
            return ServerError(self._message)
        return error if isinstance(error, DeviceError) else ServerError(self._message)


def _serve(connection: Connection, bundle: Path, link: "TrackedLink", limit_s: float, threads: int) -> None:
    """Open a phone and do what the other end says, until it closes."""
    # Ctrl-C is for the process that asks, which then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        with _open(bundle, link, limit_s, threads) as place:
            connection.send((place.name, place.about))
            while True:
                match connection.recv():
                    case ("start", rows):
                        place.start(rows)
                    case ("finish",):
                        connection.send(place.finish())
                    case ("verify", plan, reference):
                        connection.send(place.verify(plan, reference))
    except DeviceError as exc:
        try:
            connection.send(_Failure(exc))
        except OSError:
            pass  # nobody wants to know any more
    except (EOFError, OSError):
        pass  # the other end has closed


@contextmanager
def _open(bundle: Path, link: "TrackedLink", limit_s: float, threads: int) -> Iterator[Place]:
    from groupnet.bundle import load_bundle
    from groupnet.scoring.places import loaded_place, tensor_types

    loaded = load_bundle(bundle)
    with link.open(limit_s) as phone:
        module = phone.session.load(loaded.module, {"main": tensor_types(loaded)[0]})
        name = phone.state().phone
        with loaded_place(loaded, module, name, {"name": name}, threads) as place:
            yield place
