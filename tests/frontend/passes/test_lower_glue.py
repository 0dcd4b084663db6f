"""Pools, sums and slices are fused and scheduled; convolutions are never among them."""

import numpy as np
import tvm
from tvm import relax

from frontend.passes.lower_glue import lower_glue
from tvm_schedules.targets import resolve_target

TARGET = resolve_target("host")


def test_a_chain_is_one_scheduled_function(build_graph, evaluate):
    def body(emit, x, y):
        z = emit(relax.op.add(x, y))
        z = emit(relax.op.multiply(z, relax.const(np.float32(0.5), "float32")))
        return emit(relax.op.strided_slice(z, axes=[3], begin=[3], end=[10]))

    module = build_graph({"x": (1, 5, 6, 11), "y": (1, 5, 6, 11)}, body)
    lowered, fired = lower_glue(module, TARGET)
    kernels = [f for _, f in lowered.functions_items() if isinstance(f, tvm.tirx.PrimFunc)]
    assert fired == len(kernels) == 1
    assert kernels[0].attrs["groupnet.kernel"] == "glue"
    x, y = np.random.default_rng(0).normal(size=(2, 1, 5, 6, 11)).astype(np.float32)
    vm = relax.VirtualMachine(tvm.compile(lowered, target=TARGET), tvm.cpu())
    result = vm["main"](tvm.runtime.tensor(x), tvm.runtime.tensor(y)).numpy()
    np.testing.assert_allclose(result, evaluate(module, x, y)[0], rtol=1e-6)
