"""A board behind TVM's own RPC server, such as a Raspberry Pi: `python -m tvm.exec.rpc_server` runs there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from android_runner.adb_routes import BoardRoute
from android_runner.device import DEFAULT_CALL_TIMEOUT_S, DeviceInfo, Session
from android_runner.elf import machine_of
from android_runner.errors import (
    CoresUnavailableError,
    DeviceBusyError,
    DeviceError,
    ServerError,
    TransportTimeoutError,
    WrongTokenError,
)
from android_runner.run_control import RunControl
from android_runner.throttling import Reading

if TYPE_CHECKING:
    from android_runner.rpc_executor import RpcExecutor

_ASK_TIMEOUT_S = 15.0

# A file that every system has and that is small: TVM's server reads no file of /proc.
_PROGRAM = "/bin/sh"
_MODEL = "/sys/firmware/devicetree/base/model"
_LLVM_CPU = "target.llvm_get_system_cpu"
_CORES = "/sys/devices/system/cpu/online"


class BoardDevice:
    """Implements `android_runner.device.Device` for a board. Its server serves one session at a time."""

    def __init__(self, host: str, port: int) -> None:
        """Remember where TVM's RPC server listens."""
        self._route = BoardRoute(host, port)
        self._name = f"rpc:{self._route.serial}"

    def info(self) -> DeviceInfo:
        """Ask the board who it is; raises what `session` does."""
        with self._executor(_ASK_TIMEOUT_S) as executor:
            return self._describe(executor)

    def cool_down(self, say: Callable[[str], None]) -> None:  # noqa: ARG002
        """Not wait: a board is not asked for its temperatures."""
        return None

    @contextmanager
    def watch(self) -> Iterator[list[Reading]]:
        """Give an empty list: a board is not watched."""
        yield []

    @contextmanager
    def session(
        self, *, timeout_s: float = DEFAULT_CALL_TIMEOUT_S, control: RunControl | None = None
    ) -> Iterator[Session]:
        """Open a session; see `Device.session`.

        Raises:
            NoSuchDeviceError: Nothing listens there.
            DeviceBusyError: It serves somebody else.
        """
        from android_runner.board_session import BoardSession

        if control is not None and (control.cores is not None or control.governor is not None):
            raise CoresUnavailableError(
                f"Expected a phone whose cores and governor can be chosen; got {self._name}; "
                "leave --cores and --governor out, and start its server under `taskset`"
            )
        with self._executor(timeout_s) as executor:
            yield BoardSession(executor, self._describe(executor).arch, self._name)

    @contextmanager
    def _executor(self, timeout_s: float) -> Iterator[RpcExecutor]:
        # Imported here: this takes over a second.
        from android_runner.board_session import BoardEndpoint, BoardExecutor

        try:
            executor = BoardExecutor(BoardEndpoint(self._route, timeout_s), timeout_s)
        except WrongTokenError as exc:
            raise ServerError(
                f"Expected the RPC server at {self._route.serial} to ask for no key; it does; "
                "start it without --key"
            ) from exc
        except TransportTimeoutError as exc:
            raise DeviceBusyError(
                f"Expected TVM's RPC server at {self._route.serial} to open a session in {timeout_s:g} s; "
                "it did not; it serves one at a time: wait for the other's end, or start it again"
            ) from exc
        try:
            yield executor
        finally:
            executor.close()

    def _describe(self, executor: RpcExecutor) -> DeviceInfo:
        program = _read_file(executor, _PROGRAM)
        arch = machine_of(program)
        if arch is None:
            raise ServerError(
                f"Expected a 64-bit Linux on x86-64 or arm64 at {self._route.serial}; got another system; "
                "bundles run on these alone"
            )
        return DeviceInfo(
            kind="rpc",
            name=self._name,
            serial=None,
            model=text_of(_read_file(executor, _MODEL)) or self._route.host,
            cpu=_cpu(executor) or arch,
            arch=arch,
            emulated=False,
            android=None,
            cores=count_cores(text_of(_read_file(executor, _CORES))),
        )


def text_of(contents: bytes) -> str:
    """Return the text of a file of /sys, which TVM's server fills up with zeros."""
    return contents.split(b"\0", 1)[0].decode(errors="replace").strip()


def count_cores(online: str) -> int:
    """Return how many cores a list such as ``0-3,6`` has; 1 where it is none."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", online):
        return 1
    ends = [part.partition("-") for part in online.split(",")]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ends)


def _read_file(executor: RpcExecutor, path: str) -> bytes:
    """A file of the board's, empty where there is none."""
    try:
        return bytes(executor.call(f"read {path}", lambda: executor.rpc.download(path)))
    except ServerError:
        if executor.failure is not None:
            raise
        return b""


def _cpu(executor: RpcExecutor) -> str | None:
    """The processor as LLVM calls it, where the board's TVM has LLVM."""
    try:
        return str(executor.call("name its processor", lambda: executor.rpc.get_function(_LLVM_CPU)()))
    except DeviceError:
        if executor.failure is not None:
            raise
        return None
