"""What `bench`, `eval` and `demo` share: a bundle on a device, verified and ready to run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from groupnet.bundle import Bundle, check_architecture
from groupnet.host_features import check_host_features

if TYPE_CHECKING:
    from android_runner.call_profile import Footprint
    from android_runner.device import DeviceInfo, LoadedModule
    from android_runner.throttling import Reading
    from android_runner.verification import VerificationReport

EMULATED = "emulated, not a latency"
"""Said wherever a time of an emulated processor is shown."""


@dataclass(frozen=True)
class Running:
    """A bundle that a device has loaded; `watch` reads the device's clocks meanwhile, see `Device.watch`."""

    bundle: Bundle
    device: "DeviceInfo"
    module: "LoadedModule"
    watch: "Callable[[], AbstractContextManager[list[Reading]]]" = field(default=lambda: nullcontext([]))

    def footprint(self) -> "Footprint":
        """Run `main` once and tell what loading and running took; to be asked before anything else is run."""
        return self.module.footprint("main", self.bundle.reference().inputs)

    def verify(self) -> "VerificationReport":
        """Compare every binary convolution's integers and the outputs with what PyTorch computed.

        Raises:
            VerificationError: they differ; the message names the layer.
            BundleDamagedError: the bundle's reference numbers cannot be read.
        """
        from android_runner import verification

        plan = self.bundle.manifest.verification
        reference = self.bundle.reference()
        return verification.verify_module(
            self.module,
            verification.VerificationPlan(
                packs=tuple(verification.PackPlan(**dict(pack)) for pack in plan.packs),
                convolutions=tuple(
                    verification.ConvPlan(
                        convolution.layer, convolution.pack, convolution.relu, convolution.integers_sha256
                    )
                    for convolution in plan.convolutions
                ),
            ),
            verification.ReferenceTensors(
                inputs=reference.inputs,
                outputs=reference.outputs,
                signs=tuple(reference.signs[pack.layer] for pack in plan.packs),
            ),
        )


@contextmanager
def on_device(bundle: Bundle, spec: str, say: Callable[[str], None]) -> Iterator[Running]:
    """Load a bundle on the device that `spec` names; see `all_on_device`."""
    with all_on_device([bundle], spec, say) as (running,):
        yield running


@contextmanager
def all_on_device(
    bundles: Sequence[Bundle], spec: str, say: Callable[[str], None]
) -> Iterator[list[Running]]:
    """Load bundles on the device that `spec` names, in one session, which ends with the block.

    Raises:
        BundleTargetError: the bundle is for another processor; nothing was sent or loaded.
        DeviceError: see `android_runner.errors`.
    """
    from android_runner.devices import open_device
    from android_runner.tensor_types import TensorType

    device = open_device(spec)
    info = device.info()
    for bundle in bundles:
        check_architecture(bundle, device=info.name, arch=info.arch)
        if info.kind == "host":
            check_host_features(bundle)
    say(f"opening a session on {info.name}")
    with device.session() as session:
        loaded = []
        for bundle in bundles:
            say(f"bringing {bundle.manifest.name} to {info.name}")
            inputs = [TensorType(tensor.shape, tensor.dtype) for tensor in bundle.manifest.inputs]
            loaded.append(Running(bundle, info, session.load(bundle.module, {"main": inputs}), device.watch))
        yield loaded


def describe_device(info: "DeviceInfo") -> dict[str, Any]:
    """The device as `--json` prints it."""
    return {
        "kind": info.kind,
        "name": info.name,
        "model": info.model,
        "cpu": info.cpu,
        "arch": info.arch,
        "cores": info.cores,
        "android": info.android,
        "emulated": info.emulated,
        "hardware": None if info.hardware is None else asdict(info.hardware),
    }
