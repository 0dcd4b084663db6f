"""Requests build kernels, and keys do not depend on what they are built with."""

from dataclasses import replace

import pytest

from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import parse_kernel_name
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import choice_of_fields
from tvm_schedules.tuning.request import KernelRequest, kernel_key, kernel_name, parse_kernel_key
from tvm_schedules.tuning.spaces import kernel_space

SHAPE = BinaryConv2dShape(1, 5, 7, 33, 40, (3, 3), padding=(1, 1), border=(1, 1))
REQUEST = KernelRequest(fused_binary_conv2d_kernel, SHAPE, (("epilogue", BinaryEpilogue(relu=True)),))


@pytest.mark.parametrize("target", ["cortex-a53", "arm64-dotprod", "haswell"])
def test_a_choice_is_in_the_name_and_not_in_the_key(target: str) -> None:
    resolved = resolve_target(target)
    key = kernel_key(kernel_name(REQUEST.build(resolved)))
    for choice in kernel_space(REQUEST, resolved)[:6]:
        name = kernel_name(REQUEST.build(resolved, choice))
        assert choice_of_fields(parse_kernel_name(name).tile) == choice
        assert kernel_key(name) == key


def test_keys_tell_instruction_sets_and_epilogues_apart() -> None:
    other = KernelRequest(fused_binary_conv2d_kernel, SHAPE, (("epilogue", BinaryEpilogue(relu=False)),))
    targets = [resolve_target(text) for text in ("cortex-a53", "haswell")]
    keys = {kernel_key(kernel_name(r.build(t))) for r in (REQUEST, other) for t in targets}
    assert len(keys) == 4


def test_a_name_outside_the_grammar_has_no_key() -> None:
    with pytest.raises(KernelError):
        kernel_key("fused_add")


def test_keys_are_taken_apart_again() -> None:
    name = parse_kernel_name(kernel_name(REQUEST.build(resolve_target("haswell"))))
    assert parse_kernel_key(kernel_key(str(name))) == replace(name, tile={})
    with pytest.raises(KernelError):
        parse_kernel_key("fused_add")
