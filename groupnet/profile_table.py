"""What `bench --profile` shows: a row for each kernel, and what else the model takes of the device."""

from typing import Any

from rich.table import Table

from groupnet.console import table

_GIGA, _MEGA = 1e9, 1e6


def profile_table(result: dict[str, Any]) -> Table:
    """One row for each kernel of a result of `run_bench`, the longest first, then the rest and the whole."""
    profile = result["profile"]
    title = f"{result['name']} on {result['device']['name']}: where the time goes"
    title += f" ({result['note']})" if result["note"] else ""
    numbers = ("calls", "ms", "share", "Gop/s", "of ceiling", "MB", "GB/s")
    shown = table(title, "kernel", "op", *numbers, numbers=numbers)
    for kernel in profile["kernels"]:
        shown.add_row(
            kernel["label"],
            {"binary": "bMAC", "float": "FLOP", "glue": ""}[kernel["kind"]],
            str(kernel["calls"]),
            f"{kernel['ms']:.3f}",
            f"{kernel['share']:.1%}",
            "" if kernel["rate_s"] is None else f"{kernel['rate_s'] / _GIGA:,.1f}",
            "" if kernel["of_ceiling"] is None else f"{kernel['of_ceiling']:.1%}",
            f"{kernel['tensor_bytes'] / _MEGA:.2f}",
            f"{kernel['bytes_s'] / _GIGA:.1f}",
        )
    machine = profile["machine_ms"]
    calls = str(profile["machine_calls"])
    shown.add_row("virtual machine", "", calls, f"{machine:.3f}", f"{machine / profile['whole_ms']:.1%}")
    shown.add_row("all", "", "", f"{profile['whole_ms']:.3f}", "100.0%", end_section=True)
    return shown


def describe_sum(profile: dict[str, Any]) -> str:
    """How the kernels' sum compares with whole runs, with the instrument and without."""
    return (
        f"kernels: {profile['kernels_ms']:.3f} ms in sum, {profile['kernels_share']:.1%} of a profiled run "
        f"and {profile['kernels_ms'] / profile['timed_ms']:.1%} of one without the instrument "
        f"({profile['timed_ms']:.3f} ms); means of the faster half of {profile['runs']} runs"
    )


def describe_ceiling(ceiling: dict[str, Any]) -> str:
    """What the shares are of."""
    if ceiling["binary_macs_s"] is None:
        return f"ceiling: {ceiling['known_from']}"
    return (
        f"ceiling: {ceiling['binary_macs_s'] / _GIGA:,.0f} GbMAC/s, {ceiling['flop_s'] / _GIGA:,.1f} "
        f"GFLOP/s; {ceiling['known_from']}" + (f"; {ceiling['note']}" if ceiling["note"] else "")
    )


def describe_costs(profile: dict[str, Any]) -> str:
    """Load time, memory, and energy where it is known, in one line."""
    parts = [f"loaded in {profile['load_ms']:.1f} ms, started in {profile['start_ms']:.1f} ms"]
    memory = profile["memory"]
    if memory["peak_bytes"] is not None:
        parts.append(f"peak memory {memory['peak_bytes'] / _MEGA:.1f} MB (VmHWM of the process)")
    if memory["added_bytes"] is not None:
        parts.append(f"{memory['added_bytes'] / _MEGA:.1f} MB of it since before the model was loaded")
    line = ", ".join(parts)
    energy = profile["energy"]
    if energy is None:
        return line
    return (
        f"{line}; {energy['millijoules']:.2f} mJ a run: {energy['watts']:.2f} W, at rest "
        f"{energy['rest_watts']:.2f} W ({energy['note']})"
    )
