"""Time each call that a compiled function makes on this machine, kernel by kernel, in their order."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy.typing as npt

from android_runner.call_profile import Call, CallProfile, ProfiledRun
from android_runner.host_device import HostDevice

_CALL_TIMEOUT_S = 600.0


class CallProfiler:
    """A function of a compiled module, run with the device server's instrument on this machine."""

    def __init__(
        self, library: Path, function: str, inputs: Sequence[npt.NDArray[Any]], *, threads: int
    ) -> None:
        """Load the module, and run the function to learn its calls.

        Raises:
            DeviceError: this machine has fewer cores than `threads` or no g++, or the module failed.
        """
        self._function, self._inputs, self._threads = function, inputs, threads
        self._stack = ExitStack()
        session = self._stack.enter_context(HostDevice().session(timeout_s=_CALL_TIMEOUT_S))
        try:
            self._module = session.load(library)
            self.calls: tuple[Call, ...] = self._profile(1).calls
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the thread that the function runs on."""
        self._stack.close()

    def run(self, runs: int) -> list[ProfiledRun]:
        """Run the function some times, after one run that does not count."""
        return list(self._profile(runs).runs)

    def _profile(self, runs: int) -> CallProfile:
        return self._module.profile(self._function, self._inputs, runs=runs, threads=self._threads)
