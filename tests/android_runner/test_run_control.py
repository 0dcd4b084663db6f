"""Cores and governors of the emulated phone: set, read back, and put back whatever happens."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from fake_transport import FakeTransport

from android_runner import phone_device
from android_runner import server as server_module
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import CoresUnavailableError, DeviceError, LinkLostError
from android_runner.governor import check_governor, governor_set, parse_available, parse_governors
from android_runner.host_device import HostDevice
from android_runner.phone_device import PhoneDevice
from android_runner.run_control import RunControl, check_allowed, controlled_server
from android_runner.server import DEVICE_ROOT, RunningServer, is_running
from android_runner.transport import ShellResult

LIMIT_S = 30.0
GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
ZONE = "/sys/class/thermal/thermal_zone0/temp"
ASKED = RunControl(cores="0", governor="performance")


@pytest.fixture
def device(runner_phone: EmulatedPhone) -> PhoneDevice:
    connect = partial(AdbShellTransport.connect, "127.0.0.1", runner_phone.port, runner_phone.key, LIMIT_S)
    return PhoneDevice(connect, kind="emulator", name="emulator")


@pytest.fixture
def shell(transport: AdbShellTransport) -> Iterator[Callable[[str], str]]:
    """Asks the phone; before and after each test its governor is what phones have."""

    def ask(command: str) -> str:
        return transport.shell(command, timeout_s=LIMIT_S, check=False).stdout.strip()

    assert ask(f"cat {GOVERNOR}") == "schedutil"
    yield ask
    assert ask(f"cat {GOVERNOR}") == "schedutil"
    assert ask(f"ls {DEVICE_ROOT} | grep restore") == ""


@pytest.mark.phone
def test_cores_and_governor_are_set_read_back_and_put_back(
    device: PhoneDevice, transport: AdbShellTransport, shell: Callable[[str], str]
) -> None:
    with controlled_server(device, transport, ASKED) as (server, conditions):
        assert shell(f"cat {GOVERNOR}") == "performance"
        assert is_running(transport, server)
        assert (conditions.cores, conditions.pinned, conditions.kinds) == ((0,), (0,), ("Cortex-A53",))
        change = conditions.change
        assert change is not None and change.permitted and change.after is None
        assert set(change.before.values()) == set(conditions.governors.values()) == {"schedutil"}
    assert change.after == change.before
    with controlled_server(device, transport, RunControl()) as (_, conditions):
        assert conditions.pinned == () and 0 in conditions.cores and conditions.change is None


@pytest.mark.phone
def test_ctrl_c_puts_the_governor_back(
    device: PhoneDevice, transport: AdbShellTransport, shell: Callable[[str], str]
) -> None:
    with pytest.raises(KeyboardInterrupt), controlled_server(device, transport, ASKED):
        assert shell(f"cat {GOVERNOR}") == "performance"
        raise KeyboardInterrupt


def lose_the_link(device: PhoneDevice) -> RunningServer:
    """Start a controlled server and leave it behind; return it."""
    with device.transport() as lost, pytest.raises(DeviceError):
        with controlled_server(device, lost, ASKED) as (server, _):
            lost.close()
            raise LinkLostError("the link was lost")
    return server


@pytest.mark.phone
def test_after_a_lost_link_the_same_host_puts_it_back(
    device: PhoneDevice, transport: AdbShellTransport, shell: Callable[[str], str]
) -> None:
    lose_the_link(device)
    assert shell(f"cat {GOVERNOR}") == "performance"
    with device.server(transport):
        assert shell(f"cat {GOVERNOR}") == "schedutil"


@pytest.mark.phone
@pytest.mark.parametrize("gone", ["its session", "the server"])
def test_after_a_lost_link_another_host_puts_it_back(
    device: PhoneDevice,
    transport: AdbShellTransport,
    shell: Callable[[str], str],
    gone: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "owner_mark", lambda: "elsewhere/1/2")
    monkeypatch.setattr(server_module, "abandon", lambda _: None)
    server = lose_the_link(device)
    assert shell(f"cat {GOVERNOR}") == "performance"
    # The lost one's server still runs, and may be about to open its session.
    with device.server(transport):
        assert shell(f"cat {GOVERNOR}") == "performance"
    shell(f"sed -i 's/^uptime .*/uptime -100/' {DEVICE_ROOT}/restore-{server.folder.name}")
    shell(f"mkdir {server.folder}/session-open")
    with device.server(transport):
        assert shell(f"cat {GOVERNOR}") == "performance"
    shell(f"rmdir {server.folder}/session-open" if gone == "its session" else f"kill -9 {server.pid}")
    with device.server(transport):
        assert shell(f"cat {GOVERNOR}") == "schedutil"
    shell(f"kill {server.pid}; rm -rf {server.folder}")


@pytest.mark.phone
def test_a_file_from_before_the_phone_was_started_is_thrown_away(
    device: PhoneDevice, transport: AdbShellTransport, shell: Callable[[str], str]
) -> None:
    state = f"{DEVICE_ROOT}/restore-server-old"
    clock = GOVERNOR.removesuffix("/scaling_governor")
    shell(f"mkdir -p {DEVICE_ROOT}; (echo boot other; echo governor {clock} powersave) > {state}")
    with device.server(transport):
        assert shell(f"[ -e {state} ] || echo gone") == "gone"


@pytest.mark.phone
def test_what_a_phone_lacks_is_refused(device: PhoneDevice, transport: AdbShellTransport) -> None:
    for asked in (RunControl(cores="99"), RunControl(governor="turbo")):
        with pytest.raises(CoresUnavailableError, match="choose"):
            with controlled_server(device, transport, asked):
                raise AssertionError("a server has started")


@pytest.mark.phone
def test_a_warm_phone_is_waited_for(
    device: PhoneDevice, shell: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shell(f"cat {ZONE}")
    said: list[str] = []
    try:
        shell(f"echo 71000 > {ZONE}")
        temperatures = iter((55_000, 45_000))
        monkeypatch.setattr(
            phone_device.time, "sleep", lambda _: shell(f"echo {next(temperatures)} > {ZONE}")
        )
        state = device.cool_down(said.append)
    finally:
        shell(f"echo {before} > {ZONE}")
    assert (state.cpu_celsius, state.cooled_s, state.hot) == (45.0, 10.0, False)
    assert [line.split(":")[0] for line in said] == [
        "emulator is too warm (battery 27 °C, processor 71 °C)",
        "emulator is too warm (battery 27 °C, processor 55 °C)",
    ]


POLICY = "/sys/devices/system/cpu/cpufreq/policy4"


def test_a_phone_that_does_not_permit_it_is_told_apart() -> None:
    told = f"governor {POLICY} schedutil\navailable {POLICY} performance schedutil\n"
    unchanged = ShellResult(0, f"governor {POLICY} schedutil\n", "")
    phone = FakeTransport(
        [
            ("scaling_available_governors", ShellResult(0, told, "")),
            ("echo performance >", unchanged),
            ("restore ", unchanged),
        ]
    )
    with governor_set(phone, DEVICE_ROOT / "server-1", [4, 5], "performance") as change:
        assert not change.permitted and change.during == {POLICY: "schedutil"}
    assert change.after == change.before and not phone.script


@pytest.mark.parametrize(
    ("said", "governors", "available"),
    [
        ("", {}, set()),
        (f"governor {POLICY} schedutil\navailable {POLICY} performance schedutil\n",
         {POLICY: "schedutil"}, {"performance", "schedutil"}),
        # What one clock lacks cannot be set for all.
        (f"governor {POLICY} walt\navailable {POLICY} walt performance\ngovernor /b walt\n"
         "available /b walt\n",
         {POLICY: "walt", "/b": "walt"}, {"walt"}),
        # A kernel that shows no list.
        (f"governor {POLICY} schedutil\navailable {POLICY} \n", {POLICY: "schedutil"}, set()),
        (f"governor {POLICY} \navailable {POLICY} performance\n", {}, {"performance"}),
    ],
)  # fmt: skip
def test_answers(said: str, governors: dict[str, str], available: set[str]) -> None:
    assert (parse_governors(said), parse_available(said)) == (governors, available)


def test_refusals_say_what_there_is() -> None:
    check_governor("performance", {"performance", "schedutil"}, "fake:5555")
    with pytest.raises(CoresUnavailableError, match=r"\(performance, schedutil\); got 'fast'; choose one"):
        check_governor("fast", {"performance", "schedutil"}, "fake:5555")
    with pytest.raises(CoresUnavailableError, match="it tells none"):
        check_governor("fast", set(), "fake:5555")
    check_allowed([4, 5], (4, 5), "fake:5555")
    with pytest.raises(CoresUnavailableError, match=r"cores 4, 5 of fake:5555; it allows 4; wake"):
        check_allowed([4, 5], (4,), "fake:5555")


@pytest.mark.parametrize("asked", [RunControl(cores="big"), RunControl(governor="performance")])
def test_the_hosts_cores_are_not_chosen_here(asked: RunControl) -> None:
    with pytest.raises(CoresUnavailableError, match="taskset"), HostDevice().session(control=asked):
        raise AssertionError("a session has started")
