"""Installing, starting and stopping the server: the decisions, with a scripted phone."""

import hashlib
from pathlib import Path

import pytest
from fake_transport import FakeTransport

from android_runner.errors import AlteredFileError, DeviceFullError, LinkLostError, ServerError
from android_runner.runtime_package import RuntimePackage, describe_runtime
from android_runner.server import (
    RunningServer,
    ServerLimits,
    allowed_cores,
    device_server,
    install_runtime,
    log_tail,
)
from android_runner.transport import ShellResult

DONE = ShellResult(0, "", "")
NOTHING = ShellResult(1, "", "cd: no such folder")


@pytest.fixture
def package(tmp_path: Path) -> RuntimePackage:
    for name in ("ld-linux-aarch64.so.1", "server"):
        (tmp_path / name).write_text(name)
    return describe_runtime(tmp_path)


def checksums(package: RuntimePackage, altered: str = "") -> ShellResult:
    digests = {
        name: hashlib.sha256(b"other").hexdigest() if name == altered else digest
        for name, digest in package.files.items()
    }
    return ShellResult(0, "".join(f"{digest}  {name}\n" for name, digest in digests.items()), "")


def test_an_intact_runtime_is_used_as_it_is(package: RuntimePackage) -> None:
    transport = FakeTransport([("sha256sum", checksums(package))])
    assert install_runtime(transport, package).name == f"runtime-{package.content_hash[:16]}"
    assert transport.script == [] and transport.pushed == []


@pytest.mark.parametrize("there", ["nothing", "altered"])
def test_a_missing_or_altered_runtime_is_replaced(package: RuntimePackage, there: str) -> None:
    found = NOTHING if there == "nothing" else checksums(package, altered="server")
    transport = FakeTransport(
        [
            ("sha256sum", found),
            ("rm -rf /data/local/tmp/groupnet/runtime-", DONE),
            ("sha256sum", checksums(package)),
            ("|| mv /data/local/tmp/groupnet/partial-", DONE),
            ("rm -rf /data/local/tmp/groupnet/partial-", DONE),
            ("for other in /data/local/tmp/groupnet/runtime-*", DONE),
        ]
    )
    install_runtime(transport, package)
    assert transport.script == []
    assert transport.pushed == [(name, 0o755) for name in package.files]


def test_a_runtime_that_arrives_altered_is_not_used(package: RuntimePackage) -> None:
    transport = FakeTransport(
        [
            ("sha256sum", NOTHING),
            ("mkdir", DONE),
            ("sha256sum", checksums(package, altered="server")),
            ("rm -rf /data/local/tmp/groupnet/partial-", DONE),
        ]
    )
    with pytest.raises(AlteredFileError, match="fake:5555"):
        install_runtime(transport, package)
    assert transport.script == []


def test_a_full_disk_leaves_no_part(package: RuntimePackage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise DeviceFullError("full")

    monkeypatch.setattr(FakeTransport, "push", full)
    transport = FakeTransport([("sha256sum", NOTHING), ("mkdir", DONE), ("rm -rf", DONE)])
    with pytest.raises(DeviceFullError):
        install_runtime(transport, package)
    assert transport.script == []


def test_a_server_is_started_and_stopped(package: RuntimePackage) -> None:
    ready = ShellResult(0, '{"port": 4000, "pid": 321}\n', "")
    transport = FakeTransport(
        [
            ("server-*", DONE),
            ("sha256sum", checksums(package)),
            ("mkdir -m 700", DONE),
            ("--idle-s 7 --session-limit-s 8 --memory-limit-bytes 9", ready),
            ("tail -c", ShellResult(0, "last words\n", "")),
            ("kill 321", DONE),
        ]
    )
    with device_server(transport, package, ServerLimits(7, 8, 9)) as server:
        assert (server.port, server.pid, len(server.token)) == (4000, 321, 32)
        assert server.token not in str(server.folder)
        assert log_tail(transport, server) == "last words\n"
    assert transport.script == []
    assert transport.pushed == [("token", 0o600)]


def test_a_server_is_pinned_and_its_cores_are_read_back(package: RuntimePackage) -> None:
    transport = FakeTransport(
        [
            ("server-*", DONE),
            ("sha256sum", checksums(package)),
            ("mkdir -m 700", DONE),
            ("TVM_BIND_THREADS=0 taskset f1 ./ld", ShellResult(0, '{"port": 1, "pid": 2}', "")),
            ("/proc/2/status", ShellResult(0, "0,4-7\n", "")),
            ("kill 2", DONE),
        ]
    )
    with device_server(transport, package, cores=(0, 4, 5, 6, 7)) as server:
        assert allowed_cores(transport, server) == (0, 4, 5, 6, 7)
    assert transport.script == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ShellResult(1, "", "server: bind: denied\n"), "server: bind: denied"),
        (ShellResult(126, "", "not executable: 64-bit ELF file\n"), "arm64"),
        (ShellResult(0, "", ""), "name its port"),
        (ShellResult(0, "[1]", ""), "name its port"),
    ],
)
def test_a_server_that_does_not_start_is_explained_and_removed(
    package: RuntimePackage, answer: ShellResult, said: str
) -> None:
    transport = FakeTransport(
        [
            ("server-*", DONE),
            ("sha256sum", checksums(package)),
            ("mkdir -m 700", DONE),
            ("./server", answer),
            ("rm -rf /data/local/tmp/groupnet/server-", DONE),
        ]
    )
    with pytest.raises(ServerError, match=said), device_server(transport, package):
        pass
    assert transport.script == []


def test_a_lost_link_hides_no_error(package: RuntimePackage) -> None:
    transport = FakeTransport(
        [
            ("server-*", LinkLostError("gone")),
            ("sha256sum", checksums(package)),
            ("mkdir -m 700", DONE),
            ("./server", ShellResult(0, '{"port": 1, "pid": 2}', "")),
            ("kill 2", LinkLostError("gone")),
        ]
    )
    with pytest.raises(ZeroDivisionError), device_server(transport, package) as server:
        assert isinstance(server, RunningServer)
        raise ZeroDivisionError
    assert transport.script == []
