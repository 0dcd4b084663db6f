"""What this machine offers to an emulated phone: qemu, namespaces, a kernel that starts arm64 programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROBE_TIMEOUT_S = 10.0
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_QEMU_NAMES = ("qemu-aarch64-static", "qemu-aarch64")
_NAMESPACE_FLAGS = (
    "--user",
    "--map-root-user",
    "--mount",
    "--propagation=private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)


@dataclass(frozen=True)
class HostSupport:
    """What was found on this machine.

    Attributes:
        qemu: Path of qemu's user-mode emulator of arm64; ``None`` if it is not installed.
        unshare: ``unshare`` with the options that make a phone's namespaces; empty where they are refused:
            the phone then has no view of files of its own, only a folder.
        chroot: The ``chroot`` program; empty where there are no namespaces.
        own_binfmt: Whether a namespace can tell its kernel how to start arm64 programs (Linux 6.7 and later).
        host_binfmt: Whether the kernel knows it already, for all of this machine.
    """

    qemu: str | None
    unshare: tuple[str, ...]
    chroot: str
    own_binfmt: bool
    host_binfmt: bool

    @property
    def namespaces(self) -> bool:
        """Whether a phone can have namespaces of its own."""
        return bool(self.unshare)

    @property
    def starts_arm64(self) -> bool:
        """Whether arm64 programs simply run in the phone's shell."""
        return self.own_binfmt or self.host_binfmt


def probe_host() -> HostSupport:
    """Find out by trying, which takes some hundredths of a second."""
    qemu = next((path for name in _QEMU_NAMES if (path := shutil.which(name))), None)
    program = shutil.which("unshare")
    # Debian keeps it out of the search path of ordinary users.
    chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    unshare = (program, *_NAMESPACE_FLAGS) if program and chroot else ()
    if not (unshare and _succeeds(*unshare, "true")):
        unshare, chroot = (), None
    own_binfmt = bool(unshare) and _succeeds(
        *unshare, "mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)
    )
    return HostSupport(qemu, unshare, chroot or "", own_binfmt, _host_knows_arm64())


def missing_requirements() -> list[str]:
    """Return what emulated phones lack on this machine: one sentence each, with the command that mends it."""
    return describe_missing(probe_host())


def describe_missing(support: HostSupport) -> list[str]:
    """Return `missing_requirements` of what was found."""
    missing = []
    if support.qemu is None:
        missing.append(
            "Expected qemu's user-mode emulator of arm64; found none, so no phone can be emulated; "
            "run `sudo apt-get install qemu-user-static`."
        )
    if not support.namespaces:
        missing.append(
            "Expected to be allowed a user namespace; it was refused, so a phone has no file view of its own "
            "and its arm64 programs need $ARM64_RUNNER before them; run `sudo sysctl "
            "user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0`, or start the "
            "container with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
        )
    elif not support.starts_arm64:
        missing.append(
            "Expected a kernel that can be told how to start arm64 programs (Linux 6.7); found an older one, "
            "so they need $ARM64_RUNNER before them; run "
            "`sudo apt-get install binfmt-support qemu-user-static`."
        )
    return missing


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=PROBE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _host_knows_arm64() -> bool:
    try:
        text = (_BINFMT / "qemu-aarch64").read_text(encoding="utf-8")
    except OSError:
        return False
    # Flag F: the interpreter is open already, and so is found from within another root.
    return text.startswith("enabled") and any("F" in line for line in text.splitlines() if "flags:" in line)
