"""What every device offers: who it is, and sessions in which modules are loaded, run and timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from android_runner.call_profile import CallProfile, CoreCeilings, Footprint
from android_runner.phone_probe import Hardware
from android_runner.tensor_types import TensorType
from android_runner.throttling import Reading

if TYPE_CHECKING:
    from android_runner.batches import Batches
    from android_runner.run_control import Conditions, RunControl
    from android_runner.tuning.device_state import DeviceState

Signatures = Mapping[str, Sequence[TensorType]]
"""The input types of each function of a module, by function name."""

DEFAULT_CALL_TIMEOUT_S = 600.0
"""Longest that one call within a session (load, run, time) may take unless the caller says otherwise."""


@dataclass(frozen=True)
class DeviceInfo:
    """Who a device is.

    Attributes:
        kind: ``host`` (this machine), ``emulator`` (the emulated phone), ``adb`` (phones), ``rpc`` (boards).
        name: How `open_device` calls it: ``host``, ``emulator``, ``adb:SERIAL``, ``rpc:HOST:PORT``.
        serial: Its ADB serial, or None for what has none.
        model: For example ``Pixel 6``.
        cpu: Its cores, for example ``4x Cortex-A55 + 4x Cortex-A76``.
        arch: As ``uname -m`` says it: ``x86_64`` or ``aarch64``.
        emulated: True where instructions are emulated, so that times are no latencies.
        android: The Android release, such as ``13``, or None for what is no phone.
        cores: Number of cores that may run at once.
        hardware: What a phone is made of; None for what is no phone.
    """

    kind: Literal["host", "emulator", "adb", "rpc"]
    name: str
    serial: str | None
    model: str
    cpu: str
    arch: str
    emulated: bool
    android: str | None
    cores: int
    hardware: Hardware | None = None


class LoadedModule(Protocol):
    """A compiled module that a device has loaded and can run."""

    def run(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
        """Run a function and return its outputs, nested tuples flattened in order.

        Raises:
            UnknownFunctionError: The module has no such function.
            InputMismatchError: The inputs do not fit; nothing was sent to the device.
            ServerError: The module failed on the device.
        """
        ...

    def time(
        self,
        function: str,
        inputs: Sequence[npt.NDArray[np.generic]],
        *,
        runs: int,
        warmup: int,
        threads: int,
    ) -> list[float]:
        """Time a function on the device itself; return ``runs`` raw samples in ms, one per call.

        The device makes ``1 + warmup + runs`` calls; the first ``1 + warmup`` are discarded.

        Raises:
            DeviceBusyError: Another session measures on the device.
            ThreadsUnavailableError: The device cannot run ``threads`` threads.
            ValueError: ``runs`` or ``threads`` is below 1, or ``warmup`` below 0.
            DeviceError: As `run`.
        """
        ...

    def profile(
        self, function: str, inputs: Sequence[npt.NDArray[np.generic]], *, runs: int, threads: int
    ) -> CallProfile:
        """Time each call that a function makes, on the device itself, in ``runs`` runs after one to warm up.

        Raises:
            ThreadsUnavailableError: The device cannot run ``threads`` threads.
            RuntimeBuildError: The instrument cannot be compiled for this machine.
            DeviceError: As `run`.
        """
        ...

    def footprint(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> Footprint:
        """Run a function once and tell what loading and running took so far.

        To be asked of the module that was loaded last, before anything else is run.

        Raises:
            DeviceError: As `run`.
        """
        ...

    def ceilings(self, *, threads: int) -> CoreCeilings | None:
        """Time loops on registers on the device, on the threads of kernels; None: it has no such loops.

        Raises:
            DeviceBusyError: Another session measures on the device.
            ThreadsUnavailableError: The device cannot run ``threads`` threads.
            DeviceError: As `run`.
        """
        ...

    def set_threads(self, threads: int) -> None:
        """Let kernels use ``threads`` threads from now on, and read back that they do.

        Raises:
            ThreadsUnavailableError: The device cannot run that many.
        """
        ...

    def batches(self, function: str, outputs: Sequence[TensorType], *, threads: int) -> Batches:
        """Run a function whose one input is one image on batches of them, several images in a call.

        Args:
            function: One whose input types were given when the module was loaded.
            outputs: The types of its outputs for one image, nested tuples flattened in order.
            threads: Of the kernels.

        Raises:
            InputMismatchError: It takes or gives more than one image.
            ThreadsUnavailableError: The device cannot run that many threads.
            DeviceError: As `run`.
        """
        ...


class Session(Protocol):
    """Exclusive use of a device's runtime; ends with its `with` block.

    Attributes:
        conditions: What its runs have, as the device told it; None where no control was asked for.
    """

    conditions: Conditions | None

    def load(self, module: Path, signatures: Signatures | None = None) -> LoadedModule:
        """Bring a compiled Relax module to the device, check it there and load it.

        Args:
            module: The shared library that `compile` wrote.
            signatures: Input types by function; inputs of the functions named are checked before a run.

        Raises:
            WrongArchitectureError: The module is for another machine.
            AlteredFileError: The file is cut off, or what arrived on the device is not what was sent.
            DeviceFullError: There is no space for it on the device.
            ServerError: The runtime refused it.
        """
        ...


class Device(Protocol):
    """A machine that can run compiled modules."""

    def info(self) -> DeviceInfo:
        """Ask the device who it is."""
        ...

    def watch(self) -> AbstractContextManager[list[Reading]]:
        """Read clocks and temperatures until the block ends; the list stays empty where that is not done."""
        ...

    def cool_down(self, say: Callable[[str], None]) -> DeviceState | None:
        """Wait until the device is cool enough to be measured on, or patience ends; say so meanwhile.

        Returns its temperatures then, and what was waited; None where it is not asked for them.
        """
        ...

    def session(
        self, *, timeout_s: float = DEFAULT_CALL_TIMEOUT_S, control: RunControl | None = None
    ) -> AbstractContextManager[Session]:
        """Open a session in which no single call takes longer than ``timeout_s`` seconds.

        Args:
            timeout_s: The limit.
            control: Which cores and governor; None: nothing is chosen, and nothing is recorded.

        Raises:
            CoresUnavailableError: The device has no such cores or governor, or none to choose from.
        """
        ...
