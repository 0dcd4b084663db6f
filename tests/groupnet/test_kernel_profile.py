"""What a profile says of kernels: grouped, in sum the whole, with rates and shares of a ceiling."""

from dataclasses import dataclass
from typing import Any

import pytest

from android_runner.call_profile import Call, CallProfile, CoreCeilings, Footprint, ProfiledRun
from android_runner.device import DeviceInfo
from groupnet.kernel_profile import faster_half, network_profile, typical_ms
from groupnet.profile import EMULATED_CEILING, Ceiling, describe_energy, describe_profile, find_ceiling
from groupnet.profile_table import describe_ceiling, describe_costs, describe_sum
from groupnet.running import Running
from groupnet.tuning_ceilings import Peak

GEOMETRY = "n1h8w8c64o64k3x3s1x1p1x1d1x1b1x1relu1add1m1pack1x1pad1"
BINARY = f"binary_conv2d_b1b1f32b1_nhwc_{GEOMETRY}"
DENSE = "dense_f32f32f32_nc_n1c64o10bias1relu0_t1v1__neon"
MACS = 8 * 8 * 64 * 64 * 9

# Two tiles of one kernel, glue, a dense layer, and the virtual machine's own.
CALLS = (
    Call("vm.builtin.alloc_storage", 0),
    Call(f"{BINARY}_t1x4v2u2__neon", 1000),
    Call(f"{BINARY}_t1x2v2u2__neon", 500),
    Call("fused_max_pool2d", 4000),
    Call(DENSE, 2600),
)
PEAK = Peak(core="host", threads=1, binary_macs_s=1e12, float_macs_s=1e9)


def run(calls_ms: tuple[float, ...], whole_ms: float) -> ProfiledRun:
    starts = tuple(sum(calls_ms[:i]) for i in range(len(calls_ms)))
    return ProfiledRun(starts, calls_ms, whole_ms)


PROFILE = CallProfile(
    CALLS,
    (
        run((0.5, 2.0, 4.0, 1.0, 3.0), 11.0),
        run((0.5, 90.0, 4.0, 1.0, 3.0), 99.0),  # interrupted
        run((0.5, 2.0, 6.0, 1.0, 3.0), 13.0),
        run((0.5, 2.0, 4.0, 50.0, 3.0), 60.0),  # interrupted
    ),
    start_ms=0.25,
)


def test_bytes_of_pixels_have_no_ceiling() -> None:
    key = "pixel_conv2d_u8i8f32_nhwc_n1h32w32c3o64k7x7s2x2p3x3d1x1relu0__avx512_vpopcntdq"
    assert PEAK.share(key, 1e-3) is None


def test_calls_of_one_kernel_are_one_row_and_the_parts_add_up() -> None:
    network = network_profile(PROFILE, PEAK)
    assert [(kernel.label, kernel.calls) for kernel in network.kernels] == [
        ("binary 3x3, 8x8x64 + skip to signs too", 2),
        ("dense, 64 to 10", 1),
        ("fused_max_pool2d", 1),
    ]
    convolution, dense, pool = network.kernels
    assert (convolution.ms, convolution.min_ms, convolution.macs) == (7.0, 6.0, 2 * MACS)
    assert (convolution.kind, convolution.tensor_bytes) == ("binary", 1500)
    assert convolution.macs_s == pytest.approx(2 * MACS / 7e-3)
    assert convolution.of_ceiling == pytest.approx(2 * MACS / 7e-3 / 1e12)
    assert (dense.kind, dense.macs, dense.of_ceiling) == ("float", 640, pytest.approx(640 / 3e-3 / 1e9))
    assert (pool.kind, pool.macs_s, pool.of_ceiling, pool.bytes_s) == ("glue", None, None, 4e6)
    assert network.whole_ms == 12.0 and network.runs == 4 and network.machine_calls == 1
    assert network.kernels_ms + network.machine_ms == pytest.approx(network.whole_ms)


def test_without_a_ceiling_there_is_no_share() -> None:
    assert {kernel.of_ceiling for kernel in network_profile(PROFILE, None).kernels} == {None}


def test_half_of_the_runs_is_one_at_least() -> None:
    assert len(faster_half(PROFILE.runs[:1])) == 1 and len(faster_half(PROFILE.runs[:3])) == 2
    assert typical_ms([9.0]) == 9.0 and typical_ms([5.0, 9.0, 3.0]) == 4.0


def test_json_and_words() -> None:
    footprint = Footprint(load_ms=35.0, before_bytes=20_000_000, peak_bytes=50_000_000)
    known = describe_profile(PROFILE, [10.0, 20.0], footprint, Ceiling(PEAK, "measured"), None)
    convolution, dense, pool = known["kernels"]
    assert (convolution["bmac"], convolution["flop"]) == (2 * MACS, None)
    assert (dense["bmac"], dense["flop"], dense["rate_s"]) == (None, 1280, pytest.approx(1280 / 3e-3))
    assert pool["bmac"] is pool["flop"] is pool["rate_s"] is pool["of_ceiling"] is None
    assert sum(kernel["share"] for kernel in known["kernels"]) == pytest.approx(known["kernels_share"])
    assert known["memory"] == {"peak_bytes": 50_000_000, "added_bytes": 30_000_000}
    assert "11.000 ms in sum, 91.7% of a profiled run and 110.0% of one" in describe_sum(known)
    assert describe_ceiling(known["ceiling"]) == "ceiling: 1,000 GbMAC/s, 2.0 GFLOP/s; measured"
    assert describe_costs(known) == (
        "loaded in 35.0 ms, started in 0.2 ms, peak memory 50.0 MB (VmHWM of the process), "
        "30.0 MB of it since before the model was loaded"
    )
    untold = describe_profile(PROFILE, [10.0], Footprint(35.0, None, None), Ceiling(None, "none: why"), None)
    assert describe_ceiling(untold["ceiling"]) == "ceiling: none: why"
    assert describe_costs(untold) == "loaded in 35.0 ms, started in 0.2 ms"


@dataclass
class TimedLoops:
    """A module whose device says what is given."""

    said: CoreCeilings | None

    def ceilings(self, *, threads: int) -> CoreCeilings | None:
        assert threads == 2
        return self.said


def phone_ceiling(said: CoreCeilings | None, *, emulated: bool) -> Ceiling:
    phone = DeviceInfo("adb", "adb:1", "1", "phone", "4x Cortex-A76", "aarch64", emulated, "14", 4)
    module: Any = TimedLoops(said)
    bundle: Any = None
    return find_ceiling(Running(bundle, phone, module), 2, lambda _text: None)


def test_a_phone_has_the_ceiling_of_its_servers_loops() -> None:
    said = CoreCeilings(binary_macs_s=2e12, float_macs_s=4e10, binary_by="udot")
    found = phone_ceiling(said, emulated=False)
    assert found.peak == Peak(core="4x Cortex-A76", threads=2, binary_macs_s=2e12, float_macs_s=4e10)
    profile = describe_profile(PROFILE, [10.0], Footprint(1.0, None, None), found, None)
    assert profile["kernels"][0]["of_ceiling"] == pytest.approx(2 * MACS / 7e-3 / 2e12)
    assert describe_ceiling(profile["ceiling"]) == (
        "ceiling: 2,000 GbMAC/s, 80.0 GFLOP/s; "
        "loops on registers (udot, fmla), timed on this phone after the profile"
    )
    assert phone_ceiling(None, emulated=False).known_from == "none: the server there has no loops to time"


def test_what_an_emulated_core_multiplies_is_no_ceiling() -> None:
    found = phone_ceiling(CoreCeilings(2e9, 4e8, "uadalp"), emulated=True)
    profile = describe_profile(PROFILE, [10.0], Footprint(1.0, None, None), found, None)
    assert {kernel["of_ceiling"] for kernel in profile["kernels"]} == {None}
    assert (profile["ceiling"]["binary_macs_s"], profile["ceiling"]["note"]) == (2e9, EMULATED_CEILING)
    assert describe_ceiling(profile["ceiling"]).endswith("; emulated, not a ceiling")


def test_energy_is_said_to_be_an_estimate() -> None:
    from android_runner.throttling import Reading

    assert describe_energy([Reading({}, None)] * 9, 8.0) is None
    energy = describe_energy([Reading({}, None, watts) for watts in (0.9, 2.5, 2.5, 2.5, 2.5)], 8.0)
    assert energy is not None and energy["millijoules"] == 20.0
    costs = describe_profile(PROFILE, [10.0], Footprint(1.0, None, None), Ceiling(None, ""), energy)
    assert describe_costs(costs).endswith(
        "20.00 mJ a run: 2.50 W, at rest 0.90 W (estimate by the fuel gauge, of the whole phone)"
    )
