"""`groupnet devices`: what bundles can run on right now."""

from dataclasses import asdict

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result, progress, table


@verb
def devices(as_json: AsJson = False) -> None:
    """List the devices that bundles can run on right now."""
    from android_runner.devices import list_devices

    with progress() as say:
        say("asking devices who they are")
        found = list_devices()
    if as_json:
        print_json({"devices": [asdict(info) for info in found]})
        return
    shown = table("Devices", "name", "model", "cpu", "arch", "cores", "Android", "note", numbers=("cores",))
    for info in found:
        shown.add_row(
            info.name,
            info.model,
            info.cpu,
            info.arch,
            str(info.cores),
            info.android or "",
            "emulated: times are no latencies" if info.emulated else "",
        )
    print_result(shown)
