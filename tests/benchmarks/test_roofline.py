"""Time and bounds are attributed to the part of the network that they belong to."""

from dataclasses import replace

import pytest

from android_runner.call_profile import Call, ProfiledRun
from benchmarks.errors import BenchmarkError
from benchmarks.layers import RESNET18_STAGES
from benchmarks.roofline import PARTS, Rates, bound_ms, kernel_rows, part_of, part_rows
from benchmarks.roofline_picture import bars, check_picture
from tvm_schedules.float_conv2d import dense_kernel
from tvm_schedules.targets import resolve_target

_TARGET = resolve_target("cortex-a76")
_LAYER = RESNET18_STAGES[3]


def _name(kernel):
    return str(kernel.attrs["global_symbol"])


_CALLS = (
    Call("vm.builtin.alloc_storage", 0),
    Call(_name(_LAYER.pack_kernel(_TARGET)), 4000),
    Call(_name(_LAYER.conv_kernel(_TARGET)), 9000),
    Call("fused_add_multiply", 2000),
    Call("fused_add_multiply", 2000),
    Call(_name(dense_kernel(1, 100, 10, _TARGET, bias=True, relu=False)), 4440),
)
_RATES = Rates(binary_macs=1e12, float_macs=1e9, bytes=1e9)
_STARTS_MS = (0.0, 0.001, 0.012, 0.213, 0.217, 0.223)
_RUNS = (
    ProfiledRun(_STARTS_MS, (0.001, 0.010, 0.200, 0.004, 0.005, 0.020), whole_ms=0.250),
    ProfiledRun(_STARTS_MS, (0.001, 0.011, 0.180, 0.004, 0.006, 0.021), whole_ms=0.233),
)


def test_calls_have_parts():
    assert [part_of(call) for call in _CALLS] == [
        "virtual machine", "glue", "binary", "glue", "glue", "float"
    ]  # fmt: skip


def test_bounds_are_products_or_bytes_whichever_takes_longer():
    assert bound_ms(_CALLS[0], _RATES) == 0
    assert bound_ms(_CALLS[1], _RATES) == pytest.approx(0.004)
    assert bound_ms(_CALLS[2], _RATES) == pytest.approx(_LAYER.macs / 1e9)
    assert bound_ms(_CALLS[5], _RATES) == pytest.approx(0.00444)  # 1000 products, but 4440 bytes


def test_pixels_are_bound_by_products_of_their_bytes():
    name = "pixel_conv2d_u8i8f32_nhwc_n1h8w8c3o64k7x7s1x1p3x3d1x1relu0_t1x8v1u2__avx512_vpopcntdq"
    call, macs = Call(name, 10), 8 * 8 * 64 * 147
    assert part_of(call) == "float"
    assert bound_ms(call, _RATES) == pytest.approx(macs / 1e6)
    assert bound_ms(call, replace(_RATES, pixel_macs=2e9)) == pytest.approx(macs / 2e6)


def test_parts_add_up_to_the_whole():
    *parts, total = part_rows("net", 1, _CALLS, _RUNS, _RATES)
    assert tuple(row["part"] for row in parts) == PARTS
    by_part = {row["part"]: row for row in parts}
    assert by_part["binary"]["min_ms"] == 0.180
    assert by_part["glue"]["min_ms"] == pytest.approx(0.019)
    assert by_part["glue"]["calls"] == 3
    assert by_part["virtual machine"]["min_ms"] == pytest.approx(0.011)  # its call, and between the calls
    assert by_part["virtual machine"]["ratio"] is None
    assert (total["min_ms"], total["calls"]) == (0.233, 6)
    assert total["bound_ms"] == pytest.approx(sum(row["bound_ms"] for row in parts))
    assert total["ratio"] == pytest.approx(0.233 / total["bound_ms"])


def test_calls_of_one_kernel_share_a_row_and_the_longest_comes_first():
    rows = kernel_rows("net", 1, _CALLS, _RUNS, _RATES)
    assert [row["calls"] for row in rows] == [1, 1, 1, 2]
    assert rows[0]["kernel"] == _CALLS[2].name
    assert (rows[-1]["kernel"], rows[-1]["min_ms"]) == ("fused_add_multiply", pytest.approx(0.009))


def test_each_network_has_a_bar_of_its_time_and_one_of_its_bound():
    rows = part_rows("net", 1, _CALLS, _RUNS, _RATES) + kernel_rows("net", 1, _CALLS, _RUNS, _RATES)
    measured, bound = bars(rows)
    assert measured.label.startswith("net")
    assert [part for part, _ in measured.segments] == list(PARTS)
    assert sum(length for _, length in measured.segments) == pytest.approx(0.2415)
    assert dict(bound.segments)["virtual machine"] == 0


def test_a_picture_of_another_kind_is_refused_before_measuring(tmp_path):
    with pytest.raises(BenchmarkError, match=r"expected a picture named .svg or .png"):
        check_picture(tmp_path / "roofline.pdf")
