"""The kernels of a small network, and what a chooser may change about them."""

from collections import Counter

import small_nets

from frontend.extract_kernels import extract_kernels
from frontend.nodes import called_kernel
from frontend.pipeline import run_pipeline
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

TARGET = resolve_target("haswell")


def calls(choose=None) -> Counter:
    module = run_pipeline(small_nets.export(), TARGET, choose=choose).kernels
    names = [called_kernel(binding.value) for binding in straight_line(module["main"])]
    return Counter(name for name in names if name and "conv2d" in name)


def test_tasks_are_the_convolutions_of_main_with_their_calls():
    tasks = extract_kernels(small_nets.export(), TARGET)
    by_key = Counter()
    for name, count in calls().items():
        by_key[kernel_key(name)] += count
    assert {task.key: task.calls for task in tasks} == by_key
    for task in tasks:
        assert kernel_key(kernel_name(task.request.build(TARGET))) == task.key


def test_a_chooser_changes_the_tile_and_nothing_else():
    asked = []

    def last(request: KernelRequest, target: object) -> Choice | None:
        asked.append(request)
        return (kernel_space(request, target) or [None])[-1]

    chosen, default = calls(last), calls()
    assert len(asked) == len(set(asked))
    assert {kernel_key(name) for name in chosen} == {kernel_key(name) for name in default}
    assert not set(chosen) & set(default)
