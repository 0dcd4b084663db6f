"""How programs run on the phone: in its own view of files or, without namespaces, with the host's paths."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

_SEARCH_PATH = "/system/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PHONE_PATH = re.compile(r"(?<![\w./-])/(data|system|sdcard)(?![\w.-])")


@dataclass(frozen=True)
class Machine:
    """What the shell service has to know of the phone.

    Attributes:
        root: The host's folder that is the phone's ``/``.
        qemu_cpu: qemu's name of the core, the value of its ``QEMU_CPU`` variable.
        chroot: The ``chroot`` program where the phone has a view of its own; ``None`` where it has not: then
            a command's ``/data`` and ``/system`` are rewritten to folders of ``root``, in its text only.
        runner: The qemu program to put before an arm64 program where the kernel does not start those itself;
            commands find it in ``$ARM64_RUNNER``, which is empty (as on a phone) everywhere else.
        terminal_kind: The value of ``TERM``; empty for commands that have no terminal.
    """

    root: Path
    qemu_cpu: str
    chroot: str | None
    runner: str | None
    terminal_kind: str = ""

    def at_terminal(self, kind: str) -> Machine:
        """Return the machine whose commands run at a terminal of that kind."""
        return replace(self, terminal_kind=kind)

    def arguments(self, command: str) -> list[str]:
        """Return the program and arguments that run ``command`` in the phone's shell; ``""`` reads stdin."""
        flags = ["-c", self._own_paths(command)] if command else []
        if self.chroot is None:
            return ["/bin/sh", *flags]
        return [self.chroot, str(self.root), "/system/bin/sh", *flags]

    def environment(self) -> dict[str, str]:
        """Return the environment of the phone's shell; nothing of the host's own gets in."""
        root = "" if self.chroot else str(self.root)
        environment = {
            "PATH": _SEARCH_PATH if self.chroot else f"{root}{_SEARCH_PATH}",
            "HOME": f"{root}/data/local/tmp",
            "TMPDIR": f"{root}/data/local/tmp",
            "ANDROID_ROOT": f"{root}/system",
            "ANDROID_DATA": f"{root}/data",
            "PHONE_ROOT": root,
            "SHELL": "/system/bin/sh" if self.chroot else "/bin/sh",
            "USER": "shell",
            "LOGNAME": "shell",
            "LANG": "C.UTF-8",
            "QEMU_CPU": self.qemu_cpu,
        }
        if self.runner:
            environment["ARM64_RUNNER"] = self.runner
        if self.terminal_kind:
            environment["TERM"] = self.terminal_kind
        return environment

    def working_directory(self) -> Path:
        """Return the folder where commands start."""
        return self.root

    def _own_paths(self, command: str) -> str:
        if self.chroot is not None:
            return command
        return _PHONE_PATH.sub(lambda found: f"{self.root}{found.group()}", command)
