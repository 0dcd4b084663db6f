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
    from android_runner.run_control import Conditions, RunControl
    from android_runner.throttling import Reading
    from android_runner.tuning.device_state import DeviceState
    from android_runner.verification import ReferenceTensors, VerificationPlan, VerificationReport

EMULATED = "emulated, not a latency"
"""Said wherever a time of an emulated processor is shown."""


@dataclass(frozen=True)
class Running:
    """A bundle that a device has loaded.

    Attributes:
        bundle, device, module: What runs where.
        watch: Reads the device's clocks meanwhile; see `Device.watch`.
        cool_down: Waits until the device is cool, and says so; see `Device.cool_down`.
        conditions: The cores and governor that runs have; None: not asked for.
    """

    bundle: Bundle
    device: "DeviceInfo"
    module: "LoadedModule"
    watch: "Callable[[], AbstractContextManager[list[Reading]]]" = field(default=lambda: nullcontext([]))
    cool_down: "Callable[[Callable[[str], None]], DeviceState | None]" = field(default=lambda _say: None)
    conditions: "Conditions | None" = None

    def footprint(self) -> "Footprint":
        """Run `main` once and tell what loading and running took; to be asked before anything else is run."""
        return self.module.footprint("main", self.bundle.reference().inputs)

    def verify(self) -> "VerificationReport":
        """Compare every binary convolution's integers and the outputs with what PyTorch computed.

        Raises:
            VerificationError: they differ; the message names the layer.
            BundleDamagedError: the bundle's reference numbers cannot be read.
        """
        from android_runner.verification import verify_module

        return verify_module(self.module, *reference_numbers(self.bundle))


def reference_numbers(bundle: Bundle) -> "tuple[VerificationPlan, ReferenceTensors]":
    """What a bundle's `verify` takes and gives, and what PyTorch computed for the bundle's own input.

    Raises:
        BundleDamagedError: the bundle's reference numbers cannot be read.
    """
    from android_runner.verification import ConvPlan, PackPlan, ReferenceTensors, VerificationPlan

    plan, reference = bundle.manifest.verification, bundle.reference()
    return (
        VerificationPlan(
            packs=tuple(PackPlan(**dict(pack)) for pack in plan.packs),
            convolutions=tuple(
                ConvPlan(one.layer, one.pack, one.relu, one.integers_sha256) for one in plan.convolutions
            ),
        ),
        ReferenceTensors(
            inputs=reference.inputs,
            outputs=reference.outputs,
            signs=tuple(reference.signs[pack.layer] for pack in plan.packs),
        ),
    )


@contextmanager
def on_device(
    bundle: Bundle, spec: str, say: Callable[[str], None], control: "RunControl | None" = None
) -> Iterator[Running]:
    """Load a bundle on the device that `spec` names; see `all_on_device`."""
    with all_on_device([bundle], spec, say, control) as (running,):
        yield running


@contextmanager
def all_on_device(
    bundles: Sequence[Bundle], spec: str, say: Callable[[str], None], control: "RunControl | None" = None
) -> Iterator[list[Running]]:
    """Load bundles on the device that `spec` names, in one session, which ends with the block.

    Args:
        bundles: What to load.
        spec: As `open_device` takes it.
        say: Told what is being done.
        control: Which cores and governor; see `Device.session`.

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
    with device.session(control=control) as session:
        loaded = []
        for bundle in bundles:
            say(f"bringing {bundle.manifest.name} to {info.name}")
            inputs = [TensorType(tensor.shape, tensor.dtype) for tensor in bundle.manifest.inputs]
            module = session.load(bundle.module, {"main": inputs})
            running = Running(bundle, info, module, device.watch, device.cool_down, session.conditions)
            loaded.append(running)
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
