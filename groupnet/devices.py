"""`groupnet devices`: what bundles can run on right now."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result, progress, table

if TYPE_CHECKING:
    from rich.table import Table

    from android_runner.device import DeviceInfo
    from android_runner.phone_probe import Cluster, Hardware


@verb
def devices(as_json: AsJson = False) -> None:
    """List the devices that bundles can run on right now, and what to compile for each phone."""
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
    for info in found:
        if info.hardware is not None:
            print_result(hardware_table(info, info.hardware))


def hardware_table(info: "DeviceInfo", hardware: "Hardware") -> "Table":
    """What a phone is made of and what to compile for it, a row a fact; what it does not tell is left out."""
    shown = table(f"{info.name}: {info.model}", "", "")
    charging = {True: "charging", False: "not charging", None: None}[hardware.charging]
    rows = {
        "chip": hardware.soc,
        "ABI": hardware.abi,
        **{f"cores {core_list(cluster.cores)}": describe_cluster(cluster) for cluster in hardware.clusters},
        "instruction sets": ", ".join(hardware.features),
        "processor": _celsius(hardware.cpu_celsius),
        "battery": _joined(
            None if hardware.battery_percent is None else f"{hardware.battery_percent} %",
            charging,
            _celsius(hardware.battery_celsius),
        ),
        "free space": "" if hardware.free_bytes is None else f"{hardware.free_bytes / 1e9:.1f} GB",
        "mcpu": hardware.target.mcpu,
        "mattr": ",".join(hardware.target.mattr),
        "triple": hardware.target.triple,
        "because": hardware.target.reason,
        "compile with": f"--target '{hardware.target.text}'",
    }
    for name, value in rows.items():
        if value:
            shown.add_row(name, value)
    return shown


def describe_cluster(cluster: "Cluster") -> str:
    """Some cores in a line: what they are, their clocks, and what sets them."""
    clocks = [cluster.min_khz, cluster.max_khz]
    capped = cluster.limit_khz and cluster.max_khz and cluster.limit_khz < cluster.max_khz
    return _joined(
        f"{len(cluster.cores)}x {cluster.name} ({cluster.role})",
        "-".join(f"{khz / 1e6:.2f}" for khz in clocks if khz) + " GHz" if any(clocks) else None,
        f"now at most {cluster.limit_khz / 1e6:.2f} GHz" if capped and cluster.limit_khz else None,
        cluster.governor,
        f"capacity {cluster.capacity}" if cluster.capacity else None,
    )


def core_list(numbers: tuple[int, ...]) -> str:
    """Numbers in rising order as `--cores` takes them: `0-3`, `7`, `0,2`."""
    run = len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1
    return f"{numbers[0]}-{numbers[-1]}" if run else ",".join(map(str, numbers))


def _celsius(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} °C"


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)
