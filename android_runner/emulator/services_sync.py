"""The ``sync:`` service: push, pull, list and status of the phone's files."""

from __future__ import annotations

import errno
import logging
import os
import stat

from android_runner.emulator.confined import ConfinedRoot, Place
from android_runner.emulator.stream import Stream
from android_runner.emulator.sync_wire import (
    MAX_DATA_BYTES,
    MAX_PATH_BYTES,
    RECORD_BYTES,
    entry,
    failure,
    last_entry,
    record,
    status_v1,
    status_v2,
    unpack_record,
)

_DEFAULT_MODE = 0o644

logger = logging.getLogger(__name__)


class SyncError(Exception):
    """A request after which the client and this side no longer agree where the next one starts."""


async def serve_sync(stream: Stream, root: ConfinedRoot) -> None:
    """Answer requests until QUIT.

    A file that cannot be written or read is answered by FAIL, and the next request is served; a malformed
    request is answered by FAIL and ends the stream.
    """
    stream.accept()
    try:
        while True:
            letters, length = unpack_record(await stream.read_exactly(RECORD_BYTES))
            if letters == b"QUIT":
                return
            if length > MAX_PATH_BYTES:
                raise SyncError(f"expected a path of at most {MAX_PATH_BYTES} bytes; got {length}")
            path = os.fsdecode(await stream.read_exactly(length))
            await _answer(stream, root, letters, path)
    except SyncError as exc:
        logger.warning("sync ended: %s", exc)
        await stream.write(failure(str(exc)))


async def _answer(stream: Stream, root: ConfinedRoot, letters: bytes, path: str) -> None:
    if letters == b"STAT":
        status = _status(root, path, follow=False)
        await stream.write(status_v1(None if isinstance(status, OSError) else status))
    elif letters in (b"STA2", b"LST2"):
        await stream.write(status_v2(letters, _status(root, path, follow=letters == b"STA2")))
    elif letters in (b"LIST", b"LIS2"):
        await _list(stream, root, path, version=1 if letters == b"LIST" else 2)
    elif letters == b"SEND":
        await _receive_file(stream, root, path)
    elif letters == b"RECV":
        await _send_file(stream, root, path)
    else:
        raise SyncError(f"expected a known sync request; got {letters!r}")


def _status(root: ConfinedRoot, path: str, *, follow: bool) -> os.stat_result | OSError:
    try:
        with root.locate(path, follow=follow) as place:
            return place.status()
    except OSError as exc:
        return exc


async def _list(stream: Stream, root: ConfinedRoot, path: str, *, version: int) -> None:
    answer = bytearray()
    try:
        with root.locate(path) as place:
            folder = place.open(os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in sorted(os.listdir(folder)):
                answer += entry(name, _entry_status(folder, name), version=version)
        finally:
            os.close(folder)
    except OSError as exc:
        # The protocol has no way to say why; the client sees an empty folder, as with a phone.
        logger.info("listing %s: %s", path, exc)
    await stream.write(bytes(answer) + last_entry(version=version))


def _entry_status(folder: int, name: str) -> os.stat_result | OSError:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as exc:
        return exc


async def _send_file(stream: Stream, root: ConfinedRoot, path: str) -> None:
    try:
        with root.locate(path) as place:
            # Without O_NONBLOCK a pipe without a writer would stop the whole daemon.
            descriptor = place.open(os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            while data := file.read(MAX_DATA_BYTES):
                await stream.write(record(b"DATA", len(data), data))
    except OSError as exc:
        await stream.write(failure(f"read of {path} failed: {exc.strerror}"))
    else:
        await stream.write(record(b"DONE", 0))


async def _receive_file(stream: Stream, root: ConfinedRoot, request: str) -> None:
    """Write one file; on failure drain what the client still sends, remove the half, and say why."""
    path, _, mode_text = request.rpartition(",")
    try:
        mode = int(mode_text)
    except ValueError:
        path, mode = request, _DEFAULT_MODE
    error: OSError | None = None
    incoming = _IncomingFile(root, path, mode)
    try:
        while True:
            letters, number = unpack_record(await stream.read_exactly(RECORD_BYTES))
            if letters == b"DONE":
                break
            if letters != b"DATA" or number > MAX_DATA_BYTES:
                raise SyncError(
                    f"expected DATA of at most {MAX_DATA_BYTES} bytes; got {letters!r} of {number}"
                )
            data = await stream.read_exactly(number)
            if error is None:
                error = incoming.write(data)
        if error is None:
            error = incoming.finish(modified_s=number)
    finally:
        incoming.close()
    if error is None:
        await stream.write(record(b"OKAY", 0))
    else:
        await stream.write(failure(f"couldn't create file {path}: {error.strerror}"))


class _IncomingFile:
    """A file, or a link, while it is being pushed; it is removed unless it was finished."""

    def __init__(self, root: ConfinedRoot, path: str, mode: int) -> None:
        self._root = root
        self._path = path
        self._is_link = stat.S_ISLNK(mode)
        self._mode = _phone_mode(mode)
        self._target = b""
        self._descriptor: int | None = None
        self._finished = False

    def write(self, data: bytes) -> OSError | None:
        """Append ``data``; return what went wrong."""
        try:
            if self._is_link:
                self._target += data
                if len(self._target) > MAX_PATH_BYTES:
                    raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
                return None
            if self._descriptor is None:
                self._descriptor = self._create()
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as exc:
            return exc
        return None

    def finish(self, *, modified_s: int) -> OSError | None:
        """Give the file its mode and time (seconds since 1970); return what went wrong."""
        try:
            if self._is_link:
                self._make_link()
            else:
                if self._descriptor is None:
                    self._descriptor = self._create()
                os.fchmod(self._descriptor, self._mode)
                os.utime(self._descriptor, (modified_s, modified_s))
        except OSError as exc:
            return exc
        self._finished = True
        return None

    def close(self) -> None:
        """Close the file, and remove it if it is not whole."""
        if self._descriptor is None:
            return
        half = os.fstat(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        if not self._finished:
            self._remove(half)

    def _create(self) -> int:
        with self._root.locate(self._path, make_folders=True) as place:
            _remove_old(place)
            return place.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def _make_link(self) -> None:
        with self._root.locate(self._path, follow=False, make_folders=True) as place:
            _remove_old(place)
            # adb sends the target with its closing zero.
            os.symlink(self._target.rstrip(b"\0"), os.fsencode(place.name), dir_fd=place.folder)

    def _remove(self, half: os.stat_result) -> None:
        try:
            with self._root.locate(self._path) as place:
                # Something else may have taken the name meanwhile; that is not ours to remove.
                if os.path.samestat(place.status(), half):
                    os.unlink(place.name, dir_fd=place.folder)
        except OSError as exc:
            logger.warning("half of %s stays: %s", self._path, exc)


def _remove_old(place: Place) -> None:
    # Removed, not overwritten: a running program cannot be written, and a link must not be written through.
    try:
        old = place.status()
    except FileNotFoundError:
        return
    if stat.S_ISREG(old.st_mode) or stat.S_ISLNK(old.st_mode):
        os.unlink(place.name, dir_fd=place.folder)
    elif stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _phone_mode(mode: int) -> int:
    """Return the mode a phone gives a pushed file: adbd copies the owner's bits to group and others."""
    mode &= 0o777
    mode |= (mode >> 3) & 0o070
    return mode | ((mode >> 3) & 0o007)
