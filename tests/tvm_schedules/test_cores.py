"""Budgets by core: every name is one that LLVM knows, and what is not named falls back."""

import pytest

from tvm_schedules.cores import BINARY_BUDGETS, register_file
from tvm_schedules.targets import instruction_set, resolve_target
from tvm_schedules.tile import REGISTER_FILES

NEON_REGISTERS = 32


@pytest.mark.parametrize("core", BINARY_BUDGETS)
def test_a_core_has_its_own_binary_budget_and_the_rest_of_its_instruction_set(core):
    target = resolve_target(core)
    registers, general = register_file(target), REGISTER_FILES[instruction_set(target)]
    assert registers.binary is BINARY_BUDGETS[core]
    assert (registers.float, registers.lanes, registers.counters) == (
        general.float,
        general.lanes,
        general.counters,
    )
    assert registers.binary.accumulators + registers.binary.vectors < NEON_REGISTERS


@pytest.mark.parametrize(("text", "core"), [("arm64", "cortex-a73"), ("arm64-dotprod", "cortex-a75")])
def test_the_baselines_are_those_of_the_core_they_are_compiled_as(text, core):
    assert register_file(resolve_target(text)).binary is BINARY_BUDGETS[core]


@pytest.mark.parametrize(
    "text", ["kryo", "znver4", '{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mattr": ["+neon"]}']
)
def test_other_targets_have_the_budgets_of_their_instruction_set(text):
    target = resolve_target(text)
    assert register_file(target) == REGISTER_FILES[instruction_set(target)]
