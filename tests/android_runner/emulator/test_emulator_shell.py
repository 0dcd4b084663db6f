"""Commands: exit codes, streams, input, and what becomes of them when the client leaves."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulator_client import BareDaemon, RawClient, split_packets

from android_runner.emulator.protocol import Command
from android_runner.emulator.shell_packets import PacketKind

DEADLINE_S = 10.0


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def packet(kind: PacketKind, data: bytes = b"") -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 7", 7), ("exit 255", 255), ("kill -ILL $$", 132), ("no-such-program", 127)],
)
def test_exit_codes(client: RawClient, command: str, code: int) -> None:
    assert client.shell(command)[0] == code


def test_both_streams_apart_in_v2_and_together_in_v1(client: RawClient) -> None:
    assert client.shell("echo out; echo err >&2") == (0, b"out\n", b"err\n")
    for service in ("shell", "exec"):
        local, remote = client.open(f"{service}:echo out; echo err >&2")
        assert client.read_all(local, remote) == b"out\nerr\n"


def test_large_output_arrives_whole(client: RawClient) -> None:
    code, out, _ = client.shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    assert code == 0
    assert out.split(b"\n")[:-1] == [b"line %d" % i for i in range(20000)]


def test_bytes_pass_unchanged(client: RawClient) -> None:
    every = bytes(range(256))
    octal = "".join(f"\\{value:03o}" for value in every)
    assert client.shell(f"printf '{octal}'")[1] == every


def test_input_and_its_end_in_v2(client: RawClient) -> None:
    local, remote = client.open("shell,v2,raw:cat; echo done; exit 5")
    data = bytes(range(256)) * 100
    client.write(local, remote, packet(PacketKind.WINDOW_SIZE, b"24x80,0x0\0"))
    # A packet may come in pieces.
    whole = packet(PacketKind.STDIN, data) + packet(PacketKind.CLOSE_STDIN)
    seen = [
        piece
        for i in range(0, len(whole), 9999)
        for piece in client.write(local, remote, whole[i : i + 9999])
    ]
    assert split_packets(b"".join(seen) + client.read_all(local, remote)) == (5, data + b"done\n", b"")


def test_a_shell_without_a_command_reads_its_input(client: RawClient) -> None:
    local, remote = client.open("shell,v2,raw:")
    script = packet(PacketKind.STDIN, b"echo one; exit 6\n")
    seen = b"".join(client.write(local, remote, script))
    assert split_packets(seen + client.read_all(local, remote)) == (6, b"one\n", b"")


def test_input_nobody_reads_does_not_stall_the_stream(client: RawClient) -> None:
    local, remote = client.open("shell,v2,raw:exec <&-; sleep 0.3; echo end")
    for _ in range(20):
        client.write(local, remote, packet(PacketKind.STDIN, bytes(60_000)))
    assert b"end\n" in client.read_all(local, remote)


def test_the_host_does_not_leak_into_the_environment(client: RawClient) -> None:
    names = {line.split(b"=")[0] for line in client.shell("env")[1].splitlines()}
    assert {b"ANDROID_ROOT", b"ANDROID_DATA", b"TMPDIR", b"QEMU_CPU"} <= names
    assert not {b"PYTHONPATH", b"VIRTUAL_ENV", b"PYTEST_CURRENT_TEST", b"LD_LIBRARY_PATH"} & names


def test_files_of_the_phone_without_namespaces(client: RawClient, bare_daemon: BareDaemon) -> None:
    assert client.shell("echo hello >/data/local/tmp/x && cat /data/local/tmp/x")[1] == b"hello\n"
    assert (bare_daemon.root / "data/local/tmp/x").read_text() == "hello\n"
    assert client.shell("getprop ro.product.cpu.abi")[1] == b"arm64-v8a\n"
    # Only whole names of folders are the phone's.
    assert client.shell("echo /database /data-x a/data")[1] == b"/database /data-x a/data\n"


@pytest.mark.parametrize(("service", "prefix_bytes"), [("shell", 0), ("shell,v2,raw", 5)])
def test_a_command_whose_stream_is_closed_is_hung_up_on(
    client: RawClient, service: str, prefix_bytes: int
) -> None:
    local, remote = client.open(f"{service}:echo $$; exec sleep 60")
    pid = client.read(local, remote, prefix_bytes + 1)[prefix_bytes:].decode().strip()
    assert running(pid)
    client.send(Command.CLSE, local, remote)
    assert wait_for(lambda: not running(pid))


def test_a_command_that_ignores_the_hang_up_is_killed(client: RawClient) -> None:
    local, remote = client.open("shell:trap '' HUP; echo $$; while :; do sleep 0.1; done")
    pid = client.read(local, remote, 2).decode().strip()
    client.send(Command.CLSE, local, remote)
    assert wait_for(lambda: not running(pid))


def test_when_the_connection_breaks_commands_end_and_sessions_of_their_own_do_not(
    bare_daemon: BareDaemon,
) -> None:
    with RawClient(bare_daemon.port) as raw:
        raw.connect(bare_daemon.key)
        background = raw.shell("setsid sleep 61 >/dev/null 2>&1 </dev/null & echo $!")[1].decode().strip()
        local, remote = raw.open("shell:echo $$; exec sleep 62")
        foreground = raw.read(local, remote, 2).decode().strip()
        assert running(foreground)
    assert wait_for(lambda: not running(foreground))
    with RawClient(bare_daemon.port) as raw:
        raw.connect(bare_daemon.key)
        assert raw.shell(f"kill {background}")[0] == 0


def test_a_background_program_holding_the_output_does_not_hold_the_stream_when_the_client_goes(
    client: RawClient,
) -> None:
    local, remote = client.open("shell:sleep 63 & echo $!")
    pid = client.read(local, remote, 2).decode().strip()
    client.send(Command.CLSE, local, remote)
    assert client.receive().command is Command.CLSE
    assert running(pid)
    assert client.shell(f"kill {pid}")[0] == 0


def test_a_packet_above_the_limit_closes_the_stream_alone(client: RawClient) -> None:
    local, remote = client.open("shell,v2,raw:cat")
    client.send(Command.WRTE, local, remote, struct.pack("<BI", 0, 1 << 31))
    assert {client.receive().command, client.receive().command} == {Command.OKAY, Command.CLSE}
    assert client.shell("exit 2")[0] == 2


def test_a_command_that_closes_its_outputs_is_waited_for(client: RawClient) -> None:
    assert client.shell("exec >/dev/null 2>&1; sleep 0.2; exit 8")[0] == 8


def test_a_terminal(client: RawClient) -> None:
    command = "read x; test -t 0 && echo $TERM; stty size; echo got $x; echo err >&2; exit 4"
    local, remote = client.open(f"shell,v2,TERM=vt100,pty:{command}")
    seen = b""
    for kind, data in (
        (PacketKind.WINDOW_SIZE, b"31x97,0x0\0"),
        (PacketKind.WINDOW_SIZE, b"nonsense"),
        (PacketKind.STDIN, b"word\r"),
    ):
        seen += b"".join(client.write(local, remote, packet(kind, data)))
    code, out, err = split_packets(seen + client.read_all(local, remote))
    # What is typed is echoed, and a terminal has one output only.
    assert (code, out, err) == (4, b"word\r\nvt100\r\n31 97\r\ngot word\r\nerr\r\n", b"")


def test_an_interactive_shell_can_be_interrupted_and_left(client: RawClient) -> None:
    local, remote = client.open("shell,v2,TERM=xterm,pty:")
    typed = b"sh -c 'echo st''arted; exec sleep 300'\r"
    seen = b"".join(client.write(local, remote, packet(PacketKind.STDIN, typed)))
    while b"started" not in seen:
        seen += client.read(local, remote, 1)
    for typed in (b"\x03", b"exit 6\r"):
        seen += b"".join(client.write(local, remote, packet(PacketKind.STDIN, typed)))
    assert split_packets(seen + client.read_all(local, remote))[0] == 6


def test_leaving_a_terminal_hangs_up(client: RawClient) -> None:
    local, remote = client.open("shell,v2,TERM=xterm,pty:echo $$; exec sleep 60")
    pid = client.read(local, remote, 6)[5:].decode().strip()
    assert running(pid)
    client.send(Command.CLSE, local, remote)
    assert wait_for(lambda: not running(pid))
