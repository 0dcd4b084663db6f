"""The loops that bound the kernels do the work that they are credited with."""

import ctypes

import numpy as np
import pytest

from benchmarks.build_tool import run_tool
from benchmarks.ceilings import Ceiling, ceilings


@pytest.mark.parametrize("threads", [1, 2])
def test_every_ceiling_is_a_rate(threads):
    with ceilings(threads, copied_bytes=1 << 12) as limits:
        by_name = limits.by_name()
        assert {"binary", "float", "copy"} <= by_name.keys()
        for ceiling in by_name.values():
            samples = ceiling.measure()
            assert len(samples) == 5
            assert ceiling.rate(min(samples)) > 0


def test_a_rate_is_work_per_second():
    assert Ceiling(lambda: [], work=3e6).rate(2.0) == 1.5e9


# Each instruction set's loop, as far as any x86-64 machine of the last ten years can run it.
@pytest.mark.parametrize("flags", [["-march=native"], ["-mavx2", "-mfma"], []])
def test_no_step_of_the_loops_is_left_out(tmp_path, flags):
    from benchmarks.ceilings import _SOURCE

    library = tmp_path / "ceilings.so"
    command = ["gcc", "-O3", "-ffp-contract=fast", *flags, "-shared", "-fPIC", "-o", library, _SOURCE]
    run_tool(command, package="gcc")
    loop = ctypes.CDLL(str(library)).float_ceiling
    results = np.zeros(1024, np.float32)
    pointer = results.ctypes.data_as(ctypes.c_void_p)
    products = loop(ctypes.c_uint64(3), ctypes.c_uint64(1), pointer)
    # Three times s -> s / 2 + 1, from s = the accumulator's number.
    lanes = {128: 8, 64: 8, 32: 8, 256: 16}[products]
    expected = np.repeat(np.arange(lanes), products // lanes) / 8 + 1.75
    np.testing.assert_array_equal(results[:products], expected.astype(np.float32))
