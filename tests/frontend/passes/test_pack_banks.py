"""What is selected from a packed bank is what packing the selected weights gives."""

import numpy as np
import pytest
import tvm
from tvm import relax

from frontend.nodes import SELECT_WEIGHTS, make_constant, make_node, tensor_type
from frontend.passes.lower_glue import lower_glue
from frontend.passes.pack_banks import pack_banks
from tvm_schedules.binary_conv2d import pack_weights
from tvm_schedules.targets import resolve_target

TARGET = resolve_target("host")
BANK = np.random.default_rng(0).choice([-1.0, 1.0], (5, 20, 40, 3, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def selected():
    """`selected(experts, place)`: the packed weights that a compiled `select_weights` gives."""
    machines = []
    for place in (0, 1):
        builder = relax.BlockBuilder()
        experts = relax.Var("experts", relax.TensorType((2,), "int64"))
        with builder.function("main", [experts]):
            with builder.dataflow():
                node = make_node(
                    SELECT_WEIGHTS,
                    [make_constant(BANK), experts],
                    {"place": place},
                    tensor_type(BANK.shape[1:]),
                )
                result = builder.emit_output(builder.emit(node))
            builder.emit_func_output(result)
        module, fired = pack_banks(builder.finalize(), TARGET)
        assert fired == 1
        lowered, _ = lower_glue(module, TARGET)
        machines.append(relax.VirtualMachine(tvm.compile(lowered, target=TARGET), tvm.cpu()))
    return lambda experts, place: machines[place]["main"](tvm.runtime.tensor(np.array(experts))).numpy()


@pytest.mark.parametrize("experts", [(0, 4), (3, 3), (2, 1)])
@pytest.mark.parametrize("place", [0, 1])
def test_selected_words_are_those_of_the_expert(selected, experts, place):
    np.testing.assert_array_equal(selected(experts, place), pack_weights(BANK[experts[place]], TARGET))
