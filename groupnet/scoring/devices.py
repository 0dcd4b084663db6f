"""What `eval --device` names: one device, or all phones of a tracker's key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from groupnet.bundle import Bundle, check_architecture
from groupnet.errors import EvaluationError
from groupnet.scoring.places import DeviceOpener, PlaceOpener

FREE_PHONE_WAIT_S = 15.0
"""How long a phone of a rack may take to become free, which includes starting its server anew."""

_CALL_LIMIT_S = 60.0


@dataclass(frozen=True)
class Devices:
    """Where a bundle is scored.

    Attributes:
        openers: One for each device that works at once.
        about: Of a rack, as `eval --json` prints it; None of one device, which says it when it is open.
    """

    openers: Sequence[PlaceOpener]
    about: dict[str, Any] | None


def find_devices(bundle: Bundle, spec: str, threads: int, say: Callable[[str], None]) -> Devices:
    """Find the one device that `open_device` knows by a name, or those of `tracker:HOST:PORT/KEY`.

    Args:
        bundle: What is scored.
        spec: Their name.
        threads: Of the kernels.
        say: Told what is being done.

    Raises:
        EvaluationError: the key has no phones, or of several kinds.
        BundleTargetError: the bundle is for another processor.
        TrackerError: the tracker does not answer.
    """
    if not spec.startswith("tracker:"):
        return Devices([DeviceOpener(bundle, spec, threads, say)], None)
    from android_runner.rack.phone_info import phones_of
    from android_runner.rack.tracked_link import TrackedLink
    from android_runner.rack.tracker_client import TrackerClient, parse_rack
    from groupnet.scoring.rack_place import RackOpener

    address, key = parse_rack(spec)
    with TrackerClient(address) as client:
        phones = list(phones_of(client.summary(), key).values())
    kinds = sorted({(phone.core, phone.arch, phone.emulated) for phone in phones})
    if len(kinds) != 1:
        found = ", ".join(core for core, _, _ in kinds) or "none"
        raise EvaluationError(
            f"expected phones of one kind under the key '{key}' at {address}; got {found}; "
            "offer them with `groupnet agent`, each kind under a key of its own"
        )
    ((core, arch, emulated),) = kinds
    check_architecture(bundle, device=spec, arch=arch)
    say(f"{len(phones)} phones with {core} under '{key}'")
    link = TrackedLink(address, key, core, FREE_PHONE_WAIT_S)
    about = {
        "kind": "tracker",
        "name": spec,
        "model": f"{len(phones)} phones",
        "cpu": "; ".join(sorted({phone.cpu for phone in phones})),
        "arch": arch,
        "cores": min(len(phone.state.cores) for phone in phones),
        "android": None,
        "emulated": emulated,
        "hardware": None,
    }
    return Devices([RackOpener(bundle.path, link, _CALL_LIMIT_S, threads) for _ in phones], about)
