"""Where kernels run that are measured: this machine, or a phone behind an RPC session."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tvm

from android_runner.errors import RuntimeBuildError
from android_runner.phone_session import PhoneSession

Result = TypeVar("Result")

_CROSS_COMPILER = "aarch64-linux-gnu-g++"


class Place(Protocol):
    """Loads what was built, holds its tensors, and runs it."""

    @property
    def processor(self) -> Any:
        """What tensors are made on, as TVM names it."""
        ...

    def load(self, built: Any) -> Any:
        """Return a runtime module of what `tvm.compile` built."""
        ...

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Call a function that uses the place; `what` says in errors what it was to do."""
        ...


class HostPlace:
    """This process, without any guard: `worker.Worker` is one."""

    @property
    def processor(self) -> Any:
        """This machine's."""
        return tvm.cpu()

    def load(self, built: Any) -> Any:
        """Return the code as it lies in memory; nothing is linked."""
        return built.jit()

    def call(self, what: str, function: Callable[[], Result]) -> Result:  # noqa: ARG002
        """Call it."""
        return function()


class PhonePlace:
    """A phone: what was built is linked here, sent, checked and loaded there."""

    def __init__(self, session: PhoneSession) -> None:
        """Take an open session."""
        self._session = session
        compiler = shutil.which(_CROSS_COMPILER)
        if compiler is None:
            raise RuntimeBuildError(
                f"Expected {_CROSS_COMPILER} to link kernels for a phone; it is not installed; "
                "run `apt-get install g++-aarch64-linux-gnu`"
            )
        self._link = tvm.support.cc.cross_compiler(compiler, options=["-Wl,--strip-all"])

    @property
    def processor(self) -> Any:
        """The phone's."""
        return self._session.processor

    def load(self, built: Any) -> Any:
        """Link, send and load; raises DeviceError."""
        with tempfile.TemporaryDirectory(prefix="groupnet-kernel-") as folder:
            library = Path(folder) / "kernel.so"
            built.export_library(str(library), fcompile=self._link)
            return self._session.load_library(library, keep_file=False)

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Call it under the session's time limit; raises DeviceError."""
        return self._session.call(what, function)
