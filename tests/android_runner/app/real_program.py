"""The real benchmark program on an emulated arm64 phone, as a file that the app's tests can start."""

from __future__ import annotations

import shutil
from pathlib import Path

from android_runner.emulator.device_tree import build_device_tree
from android_runner.emulator.profile import PROFILES


def emulated(program: Path, folder: Path, cpu: str = "cortex-a76") -> Path:
    """Write a script that runs an arm64 program through qemu and shows it a phone's files."""
    root = folder / "phone-root"
    build_device_tree(root, PROFILES[cpu], available_cores=8)
    (root / "proc").mkdir(exist_ok=True)
    shutil.copy(root / "system/etc/cpuinfo", root / "proc/cpuinfo")
    script = folder / "emulated"
    script.write_text(
        "#!/bin/sh\n"
        # An emulated processor never becomes stable.
        'case "$*" in *--runs*) set -- "$@" --warmup 3 ;; esac\n'
        f'exec qemu-aarch64-static -cpu {cpu} {program} --root {root} "$@"\n'
    )
    script.chmod(0o755)
    return script
