"""`groupnet tracker` and `groupnet agent`: a rack of phones that `tune` measures on at once."""

import signal
import threading
from typing import Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result
from groupnet.device_options import Transport, reached_through
from groupnet.tuning_device import CALL_LIMIT_S


@verb
def tracker(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 finds a free one.")] = 9190,
    as_json: AsJson = False,
) -> None:
    """Run a tracker: agents offer phones to it, tuners ask it for them. Ctrl-C ends it."""
    from android_runner.rack.tracker import Tracker

    with Tracker(port) as running:
        address = f"127.0.0.1:{running.port}"
        if as_json:
            print_json({"tracker": address})
        else:
            print_result(
                f"tracker at {address}; offer a phone: groupnet agent --tracker {address} --key K ..."
            )
        _until_told_to_stop().wait()


@verb
def agent(
    serial: Annotated[str, typer.Option(help="The phone: its serial, HOST:PORT, or emulator.")],
    tracker: Annotated[str, typer.Option(help="HOST:PORT of `groupnet tracker`.")],
    key: Annotated[str, typer.Option(help="What tuners ask for; phones of a key have the same cores.")],
    transport: Transport = None,
    cores: Annotated[str, typer.Option(help="prime, big, little, or numbers such as 4-7.")] = "prime",
    limit: Annotated[
        float, typer.Option(min=1, help="Seconds that a call on the phone may take before it is ended.")
    ] = CALL_LIMIT_S,
    as_json: AsJson = False,
) -> None:
    """Offer a phone through a tracker, and bring it back whenever it was gone. Ctrl-C ends it."""
    from android_runner.rack.agent import Offering, run_agent
    from android_runner.rack.tracker_client import parse_address

    device = reached_through(serial if serial == "emulator" else f"adb:{serial}", transport)
    offering = Offering(device, parse_address(tracker), check_key(key), cores, limit)
    if as_json:
        print_json({"device": device, "tracker": tracker, "key": key, "cores": cores})
    run_agent(offering, _until_told_to_stop(), note)


def check_key(key: str) -> str:
    """Return the key of a rack.

    Raises:
        TuningError: it would not do within `tracker:HOST:PORT/KEY`.
    """
    from groupnet.errors import TuningError

    if not key.replace("-", "").replace("_", "").isalnum() or len(key) > 64:
        raise TuningError(f"expected a key of up to 64 letters, digits, - and _; got '{key}'; choose another")
    return key


def _until_told_to_stop() -> threading.Event:
    """An event that SIGTERM sets; Ctrl-C is an exception here as everywhere."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop
