"""Push, pull, list and status, with what goes wrong with them."""

import errno
import os
import stat
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulator_client import TIMEOUT_S, BareDaemon, RawClient

from android_runner.emulator.protocol import Command
from android_runner.emulator.sync_wire import MAX_DATA_BYTES, MAX_PATH_BYTES

STATUS_V2 = struct.Struct("<4sIQQIIIIQqqq")


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class SyncClient:
    """A sync stream as a file of bytes."""

    def __init__(self, raw: RawClient) -> None:
        self._raw = raw
        self._local, self._remote = raw.open("sync:")
        self._held = b""

    def ask(self, letters: bytes, data: bytes, number: int | None = None) -> None:
        record = letters + struct.pack("<I", len(data) if number is None else number) + data
        for start in range(0, len(record), 100_000):
            piece = record[start : start + 100_000]
            self._held += b"".join(self._raw.write(self._local, self._remote, piece))

    def answer(self, count: int) -> bytes:
        if len(self._held) < count:
            self._held += self._raw.read(self._local, self._remote, count - len(self._held))
        data, self._held = self._held[:count], self._held[count:]
        return data

    def verdict(self) -> str:
        """The answer to SEND: empty for OKAY, or FAIL's message."""
        letters, length = struct.unpack("<4sI", self.answer(8))
        assert letters in (b"OKAY", b"FAIL")
        return self.answer(length).decode()

    def push(self, path: str, data: bytes, *, mode: int = 0o100644, modified_s: int = 1_700_000_000) -> str:
        self.ask(b"SEND", f"{path},{mode}".encode())
        for start in range(0, len(data), MAX_DATA_BYTES):
            self.ask(b"DATA", data[start : start + MAX_DATA_BYTES])
        self.ask(b"DONE", b"", modified_s)
        return self.verdict()

    def pull(self, path: str) -> bytes:
        self.ask(b"RECV", path.encode())
        data = b""
        while True:
            letters, length = struct.unpack("<4sI", self.answer(8))
            if letters == b"DONE":
                return data
            more = self.answer(length)
            if letters == b"FAIL":
                raise OSError(more.decode())
            assert letters == b"DATA" and length <= MAX_DATA_BYTES
            data += more

    def status(self, path: str, letters: bytes = b"STA2") -> tuple[int, ...]:
        self.ask(letters, path.encode())
        got, *numbers = STATUS_V2.unpack(self.answer(STATUS_V2.size))
        assert got == letters
        return tuple(numbers)

    def ended(self) -> bool:
        return self._raw.receive().command is Command.CLSE


@pytest.fixture
def sync(client: RawClient) -> SyncClient:
    return SyncClient(client)


@pytest.fixture
def folder(bare_daemon: BareDaemon, request: pytest.FixtureRequest) -> Path:
    path = bare_daemon.root / "data/local/tmp" / request.node.name.replace("/", "_").replace("[", "_")[:60]
    path.mkdir()
    return path


@pytest.fixture
def phone_path(folder: Path, bare_daemon: BareDaemon) -> Callable[[str], str]:
    return lambda name: f"/{(folder / name).relative_to(bare_daemon.root)}"


@pytest.mark.parametrize("size", [0, 1, MAX_DATA_BYTES - 1, MAX_DATA_BYTES, MAX_DATA_BYTES + 1, 1_000_003])
def test_what_is_pushed_is_pulled(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str], size: int
) -> None:
    data = bytes(index * 7 % 251 for index in range(size))
    assert sync.push(phone_path("x"), data) == ""
    assert (folder / "x").read_bytes() == data
    assert sync.pull(phone_path("x")) == data


@pytest.mark.parametrize(
    ("mode", "phones"),
    [(0o644, 0o666), (0o600, 0o666), (0o755, 0o777), (0o700, 0o777), (0o400, 0o444), (0o4711, 0o777)],
)
def test_modes_and_times(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str], mode: int, phones: int
) -> None:
    # As adbd has it: the owner's bits for all, nothing set-user-ID.
    assert sync.push(phone_path("x"), b"#!", mode=stat.S_IFREG | mode, modified_s=1_234_567_890) == ""
    status = (folder / "x").stat()
    assert stat.S_IMODE(status.st_mode) == phones
    assert status.st_mtime == 1_234_567_890


def test_folders_on_the_way_are_made(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str]
) -> None:
    assert sync.push(phone_path("a/b/c"), b"deep") == ""
    assert (folder / "a/b/c").read_bytes() == b"deep"


def test_a_name_may_hold_commas_and_any_letters(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str]
) -> None:
    assert sync.push(phone_path("a,b,ü☃"), b"1") == ""
    assert (folder / "a,b,ü☃").exists()


def test_a_pushed_file_replaces_what_was_there_without_writing_through_it(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str]
) -> None:
    (folder / "old").write_text("old")
    os.link(folder / "old", folder / "other")
    (folder / "link").symlink_to("other")
    assert sync.push(phone_path("old"), b"new") == ""
    assert (folder / "other").read_text() == "old"


def test_links_are_pushed_as_links_and_stay_inside(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str]
) -> None:
    assert sync.push(phone_path("link"), b"../../../../../../etc/shadow\0", mode=stat.S_IFLNK | 0o777) == ""
    assert os.readlink(folder / "link") == "../../../../../../etc/shadow"
    with pytest.raises(OSError, match="No such file"):
        sync.pull(phone_path("link"))


def test_status_in_all_versions(sync: SyncClient, folder: Path, phone_path: Callable[[str], str]) -> None:
    (folder / "x").write_bytes(b"12345")
    (folder / "link").symlink_to("x")
    real = (folder / "x").stat()
    sync.ask(b"STAT", phone_path("x").encode())
    assert struct.unpack("<4s3I", sync.answer(16)) == (b"STAT", real.st_mode, 5, int(real.st_mtime))
    assert sync.status(phone_path("x"))[:4] == (0, real.st_dev, real.st_ino, real.st_mode)
    assert sync.status(phone_path("link"))[2] == real.st_ino
    assert stat.S_ISLNK(sync.status(phone_path("link"), b"LST2")[3])
    assert sync.status(phone_path("none")) == (errno.ENOENT, *(0,) * 10)
    assert sync.status(phone_path("x/y"))[0] == errno.ENOTDIR
    sync.ask(b"STAT", b"/none")
    assert sync.answer(16) == b"STAT" + bytes(12)


@pytest.mark.parametrize(("letters", "entry", "size"), [(b"LIST", b"DENT", 20), (b"LIS2", b"DNT2", 76)])
def test_lists(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str], letters: bytes, entry: bytes, size: int
) -> None:
    for name in ("b", "a", "ü"):
        (folder / name).write_text(name)
    sync.ask(letters, phone_path("").encode())
    names = []
    while (record := sync.answer(size))[:4] == entry:
        names.append(sync.answer(struct.unpack("<I", record[-4:])[0]).decode())
    assert record == b"DONE" + bytes(size - 4)
    assert names == ["a", "b", "ü"]
    sync.ask(letters, b"/none")
    assert sync.answer(size)[:4] == b"DONE"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/data/local/tmp", "Is a directory"),
        ("/system/build.prop/x", "Not a directory"),
        ("/data/local/tmp/" + "n" * 300, "File name too long"),
        ("/", "Is a directory"),
    ],
)
def test_a_push_that_cannot_be_is_refused_and_the_stream_goes_on(
    sync: SyncClient, path: str, reason: str
) -> None:
    assert reason in sync.push(path, bytes(200_000))
    assert sync.push("/data/local/tmp/after", b"fine") == ""
    assert sync.pull("/data/local/tmp/after") == b"fine"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/none", "No such file"),
        ("/data", "Is a directory|not a regular file"),
        ("/data/local/tmp/pipe", "regular"),
    ],
)
def test_a_pull_that_cannot_be_is_refused_and_the_stream_goes_on(
    sync: SyncClient, bare_daemon: BareDaemon, path: str, reason: str
) -> None:
    pipe = bare_daemon.root / "data/local/tmp/pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    with pytest.raises(OSError, match=reason):
        sync.pull(path)
    assert b"ro.product" in sync.pull("/system/build.prop")


@pytest.mark.parametrize("path", ["../../../../../../{}", "/../../../../../{}", "{}"])
def test_paths_do_not_lead_out_of_the_root(
    sync: SyncClient, bare_daemon: BareDaemon, tmp_path: Path, path: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(OSError, match="No such file"):
        sync.pull(path.format(secret))
    # What looks like a path of the host is one of the phone.
    assert sync.push(path.format(secret), b"overwritten") == ""
    assert secret.read_text() == "secret"
    assert (bare_daemon.root / str(secret).lstrip("/")).read_text() == "overwritten"


def test_links_made_on_the_phone_do_not_lead_out_of_the_root(
    sync: SyncClient, folder: Path, phone_path: Callable[[str], str], tmp_path: Path
) -> None:
    (folder / "up").symlink_to(tmp_path)
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(OSError, match="No such file"):
        sync.pull(phone_path("up/secret"))
    sync.push(phone_path("up/new"), b"x")
    assert not (tmp_path / "new").exists()


def test_half_a_file_is_removed_when_the_client_goes(
    bare_daemon: BareDaemon, folder: Path, phone_path: Callable[[str], str]
) -> None:
    with RawClient(bare_daemon.port) as raw:
        raw.connect(bare_daemon.key)
        sync = SyncClient(raw)
        sync.ask(b"SEND", f"{phone_path('half')},33188".encode())
        sync.ask(b"DATA", bytes(1000))
        assert eventually((folder / "half").exists)
    assert eventually(lambda: not (folder / "half").exists())


@pytest.mark.parametrize(
    ("letters", "data", "number"),
    [
        (b"WHAT", b"/x", None),
        (b"STAT", b"", MAX_PATH_BYTES + 1),
        (b"DATA", b"x", None),
    ],
    ids=["unknown", "long path", "out of place"],
)
def test_malformed_requests_end_the_stream_with_a_reason(
    client: RawClient, letters: bytes, data: bytes, number: int | None
) -> None:
    sync = SyncClient(client)
    sync.ask(letters, data, number)
    assert "expected" in sync.verdict()
    assert sync.ended()
    assert SyncClient(client).push("/data/local/tmp/after", b"fine") == ""


def test_data_above_the_limit_ends_the_stream_and_leaves_no_half(
    client: RawClient, folder: Path, phone_path: Callable[[str], str]
) -> None:
    sync = SyncClient(client)
    sync.ask(b"SEND", f"{phone_path('x')},33188".encode())
    sync.ask(b"DATA", b"first")
    sync.ask(b"DATA", b"", MAX_DATA_BYTES + 1)
    assert "expected DATA of at most" in sync.verdict()
    assert sync.ended()
    assert not (folder / "x").exists()


def test_quit_ends_the_stream(client: RawClient) -> None:
    sync = SyncClient(client)
    sync.ask(b"QUIT", b"")
    assert sync.ended()
