"""Where images are scored: a device of this process, or a phone of a rack behind a process of its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from groupnet.bundle import Bundle

if TYPE_CHECKING:
    from android_runner.batches import Batches
    from android_runner.device import LoadedModule
    from android_runner.tensor_types import TensorType
    from android_runner.verification import ReferenceTensors, VerificationPlan, VerificationReport

Array = npt.NDArray[Any]


class Place(Protocol):
    """A device that has loaded the bundle and computes batches, two under way at most."""

    name: str
    about: dict[str, Any]
    """As `eval --json` prints the device."""

    def start(self, rows: Array) -> None:
        """Begin to compute inputs [N, ...]; raises DeviceError."""
        ...

    def finish(self) -> list[Array]:
        """Outputs [N, ...] of the oldest batch under way; raises DeviceError."""
        ...

    def verify(self, plan: "VerificationPlan", reference: "ReferenceTensors") -> "VerificationReport":
        """Compare integers and outputs with PyTorch's; raises VerificationError, DeviceError."""
        ...


class PlaceOpener(Protocol):
    """Opens a place, as often as it was lost."""

    def open(self) -> AbstractContextManager[Place]:
        """Bring the bundle to the device; raises DeviceError."""
        ...

    def stop(self) -> None:
        """End what is still open or being opened, from another thread, where that can be done."""
        ...


@dataclass
class LoadedPlace:
    """Implements `Place` on a bundle that is loaded."""

    name: str
    about: dict[str, Any]
    module: "LoadedModule"
    stream: "Batches"

    def start(self, rows: Array) -> None:
        """See `Place.start`."""
        self.stream.start(rows)

    def finish(self) -> list[Array]:
        """See `Place.finish`."""
        return self.stream.finish()

    def verify(self, plan: "VerificationPlan", reference: "ReferenceTensors") -> "VerificationReport":
        """See `Place.verify`."""
        from android_runner.verification import verify_module

        return verify_module(self.module, plan, reference)


@contextmanager
def loaded_place(
    bundle: Bundle, module: "LoadedModule", name: str, about: dict[str, Any], threads: int
) -> Iterator[LoadedPlace]:
    """Open batches of a loaded bundle's `main`."""
    stream = module.batches("main", tensor_types(bundle)[1], threads=threads)
    try:
        yield LoadedPlace(name, about, module, stream)
    finally:
        stream.close()


def tensor_types(bundle: Bundle) -> "tuple[list[TensorType], list[TensorType]]":
    """The types of `main`'s inputs and outputs."""
    from android_runner.tensor_types import TensorType

    manifest = bundle.manifest
    taken, given = (
        [TensorType(tensor.shape, tensor.dtype) for tensor in tensors]
        for tensors in (manifest.inputs, manifest.outputs)
    )
    return taken, given


def image_bytes(bundle: Bundle) -> int:
    """What one image and its outputs take."""
    taken, given = tensor_types(bundle)
    return sum(int(np.prod(part.shape)) * np.dtype(part.dtype).itemsize for part in [*taken, *given])


@dataclass(frozen=True)
class DeviceOpener:
    """Implements `PlaceOpener` on a device that `open_device` knows, in this process."""

    bundle: Bundle
    device: str
    threads: int
    say: Callable[[str], None]

    @contextmanager
    def open(self) -> Iterator[Place]:
        """Open a session; see `PlaceOpener.open`."""
        from groupnet.running import describe_device, on_device

        with on_device(self.bundle, self.device, self.say) as running:
            info = running.device
            about = describe_device(info)
            with loaded_place(self.bundle, running.module, info.name, about, self.threads) as place:
                yield place

    def stop(self) -> None:
        """A session of this process ends by itself; see `PlaceOpener.stop`."""
