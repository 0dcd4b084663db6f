"""The files that make a folder look like a phone: /proc/cpuinfo, cpufreq, thermal zones, battery, /system."""

from __future__ import annotations

from pathlib import Path

from android_runner.emulator.profile import CoreKind, PhoneProfile

TEMPORARY = "data/local/tmp"
"""The folder, below the root, that programs are pushed to."""
CPUINFO = "system/etc/cpuinfo"
"""Where the text lies that the phone shows as /proc/cpuinfo."""
_HERE = Path(__file__).parent
_COMMANDS = ("getprop", "dumpsys", "uname", "pm", "am")
_GOVERNORS = ("schedutil", "performance", "powersave", "userspace")
_CPU_ZONE_MILLICELSIUS = 31_000
_BATTERY = {
    "type": "Battery",
    "present": "1",
    "status": "Discharging",
    "health": "Good",
    "technology": "Li-ion",
    "capacity": "85",
    "temp": "274",
    "voltage_now": "4012000",
    "current_now": "-215000",
}


def build_device_tree(root: Path, profile: PhoneProfile, available_cores: int) -> None:
    """Write the phone's own files below ``root``, which must not exist yet.

    What changes on a phone can be changed here too, from the shell or from the host: the governor, the clock,
    a thermal zone's ``temp`` (thousandths of a degree Celsius), the battery's ``temp`` (tenths).

    Args:
        root: The folder that becomes the phone's ``/``.
        profile: What the phone is.
        available_cores: The processors that the host gives.
    """
    kinds = profile.core_kinds(available_cores)
    for name in ("data", "proc", "dev", "dev/shm", "sys", "etc", "system/bin", "sdcard", TEMPORARY):
        (root / name).mkdir(parents=True, exist_ok=True)
    _write_all(root, "sys/devices/system/cpu", _cpu_files(kinds))
    for index, kind in enumerate(kinds):
        _write_all(root, f"sys/devices/system/cpu/cpu{index}/cpufreq", _cpufreq_files(kinds, kind))
    for index, zone in enumerate(("cpu-0-0", "cpu-1-0", "battery")):
        temperature = int(_BATTERY["temp"]) * 100 if zone == "battery" else _CPU_ZONE_MILLICELSIUS
        _write_all(root, f"sys/class/thermal/thermal_zone{index}", {"type": zone, "temp": str(temperature)})
    _write_all(root, "sys/class/power_supply/battery", _BATTERY)
    _write(root / CPUINFO, cpuinfo_text(kinds, profile.features))
    _write(root / "system/build.prop", "".join(f"{k}={v}\n" for k, v in profile.properties().items()))
    _write(root / "etc/passwd", "root:x:0:0::/data/local/tmp:/system/bin/sh\n")
    _write(root / "etc/group", "root:x:0:\n")
    for command in _COMMANDS:
        path = root / "system/bin" / command
        _write(path, (_HERE / f"{command}.sh").read_text(encoding="utf-8"))
        path.chmod(0o755)
    (root / "system/bin/sh").symlink_to("/bin/sh")


def cpuinfo_text(kinds: list[CoreKind], features: str) -> str:
    """Return an arm64 kernel's /proc/cpuinfo for cores of the given kinds."""
    return "".join(
        f"processor\t: {index}\n"
        "BogoMIPS\t: 38.40\n"
        f"Features\t: {features}\n"
        f"CPU implementer\t: {kind.implementer:#04x}\n"
        "CPU architecture: 8\n"
        f"CPU variant\t: {kind.variant:#x}\n"
        f"CPU part\t: {kind.part:#05x}\n"
        f"CPU revision\t: {kind.revision}\n\n"
        for index, kind in enumerate(kinds)
    )


def _cpu_files(kinds: list[CoreKind]) -> dict[str, str]:
    every = f"0-{len(kinds) - 1}" if len(kinds) > 1 else "0"
    return {"online": every, "present": every, "possible": every}


def _cpufreq_files(kinds: list[CoreKind], kind: CoreKind) -> dict[str, str]:
    together = " ".join(str(index) for index, other in enumerate(kinds) if other == kind)
    return {
        "affected_cpus": together,
        "related_cpus": together,
        "cpuinfo_min_freq": str(kind.min_khz),
        "cpuinfo_max_freq": str(kind.max_khz),
        "scaling_min_freq": str(kind.min_khz),
        "scaling_max_freq": str(kind.max_khz),
        "scaling_cur_freq": str(kind.max_khz),
        "scaling_governor": _GOVERNORS[0],
        "scaling_available_governors": " ".join(_GOVERNORS),
        "scaling_driver": "emulated",
    }


def _write_all(root: Path, folder: str, files: dict[str, str]) -> None:
    for name, value in files.items():
        _write(root / folder / name, value + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
