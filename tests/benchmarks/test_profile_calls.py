"""Every call of a run is timed, under the name of what is called."""

import pytest

from benchmarks.kernels import CHAIN, build_chains, example_inputs, function_name
from benchmarks.layers import Layer
from benchmarks.profile_calls import CallProfiler
from tvm_schedules.targets import resolve_target

_LAYER = Layer(6, 32)


@pytest.fixture
def profiler(tmp_path):
    target = resolve_target("host")
    library = tmp_path / "kernels.so"
    build_chains((_LAYER,), target, library)
    name = function_name(_LAYER, "pack + conv")
    made = CallProfiler(library, name, example_inputs(_LAYER, target), threads=1)
    yield made
    made.close()


def test_calls_are_listed_in_order_with_their_tensors(profiler):
    target = resolve_target("host")
    pack, conv = (
        str(kernel.attrs["global_symbol"])
        for kernel in (_LAYER.pack_kernel(target), _LAYER.conv_kernel(target))
    )
    kernels = [call for call in profiler.calls if call.name in (pack, conv)]
    assert [call.name for call in kernels] == [pack, conv] * CHAIN
    assert kernels[0].tensor_bytes == 4 * (6 * 6 * 32 + 8 * 8)


def test_a_run_times_every_call_within_its_span(profiler):
    runs = profiler.run(3)
    assert len(runs) == 3
    for run in runs:
        assert len(run.calls_ms) == len(profiler.calls)
        assert min(run.calls_ms) >= 0
        assert sum(run.calls_ms) <= run.whole_ms
