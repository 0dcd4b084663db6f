"""Paths of the phone, resolved inside its root: neither ``..`` nor a symbolic link leads out of it.

Each component is opened relative to the folder before it and never followed by the kernel; a link's text is
resolved here, an absolute one from the phone's root. What a path led to is then used through the folder's
descriptor, so that renaming a folder into a link meanwhile changes nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MAX_LINKS = 40
"""The kernel's own limit (``MAXSYMLINKS``)."""
_FOLDER_MODE = 0o755


@dataclass(frozen=True)
class Place:
    """Where a path leads: an entry, existing or not, of a folder that is open.

    Attributes:
        folder: Descriptor of the folder (``O_PATH``), for the ``dir_fd`` of ``os`` calls.
        name: The entry's name; ``.`` for the root itself.
    """

    folder: int
    name: str

    def status(self) -> os.stat_result:
        """Return the entry's status, a link's own.

        Raises:
            OSError: There is no such entry.
        """
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open the entry itself, never through a link.

        Raises:
            OSError: As ``os.open``; ``ELOOP`` for a link.
        """
        return os.open(self.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=self.folder)


class ConfinedRoot:
    """A folder of the host as the root of all paths."""

    def __init__(self, root: Path) -> None:
        """Resolve paths inside ``root``, an existing folder."""
        self._root = root

    @contextmanager
    def locate(self, path: str, *, follow: bool = True, make_folders: bool = False) -> Iterator[Place]:
        """Give the place that ``path`` leads to.

        Args:
            path: A path of the phone; relative ones start at its root.
            follow: Whether a link in the last place is followed too.
            make_folders: Whether missing folders on the way are made, for a file about to be written.

        Raises:
            OSError: A folder on the way is missing or none, or there are too many links.
        """
        # A trailing slash asks for what is behind a link.
        follow = follow or path.endswith("/")
        folders = [os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
        try:
            name = self._walk(folders, deque(_components(path)), follow=follow, make_folders=make_folders)
            yield Place(folders[-1], name)
        finally:
            for folder in folders:
                os.close(folder)

    def _walk(self, folders: list[int], ahead: deque[str], *, follow: bool, make_folders: bool) -> str:
        links = 0
        while ahead:
            component = ahead.popleft()
            if component == "..":
                # The root is its own parent.
                if len(folders) > 1:
                    os.close(folders.pop())
                continue
            target = _link_target(folders[-1], component) if ahead or follow else None
            if target is not None:
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith("/"):
                    while len(folders) > 1:
                        os.close(folders.pop())
                ahead.extendleft(reversed(_components(target)))
            elif not ahead:
                return component
            else:
                folders.append(_enter(folders[-1], component, make=make_folders))
        return "."


def _components(path: str) -> list[str]:
    if "\0" in path:
        raise OSError(errno.EINVAL, "the path holds a zero byte")
    return [part for part in path.split("/") if part not in ("", ".")]


def _link_target(folder: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as exc:
        # EINVAL: it is no link. ENOENT: nothing there, which the caller finds out by itself.
        if exc.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _enter(folder: int, name: str, *, make: bool) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        entered = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
        os.mkdir(name, _FOLDER_MODE, dir_fd=folder)
        entered = os.open(name, flags, dir_fd=folder)
    if not stat.S_ISDIR(os.fstat(entered).st_mode):
        os.close(entered)
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return entered
