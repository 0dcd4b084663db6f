"""The kernels of a model that a tuner can choose something for, and how often each is called."""

from collections import Counter
from typing import Any

import torch

from frontend.nodes import called_kernel
from frontend.normalisation import Normalisation
from frontend.pipeline import run_pipeline
from frontend.rewriter import straight_line
from tvm_schedules.tuning.request import KernelRequest, KernelTask, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space


def extract_kernels(
    exported: torch.export.ExportedProgram, target: Any, *, normalisation: Normalisation | None = None
) -> tuple[KernelTask, ...]:
    """List the distinct kernels with a space in the order of their first use.

    Raises:
        FrontendError: the model cannot be compiled.
    """
    requests: dict[str, KernelRequest] = {}

    def remember(request: KernelRequest, target: Any) -> None:
        if kernel_space(request, target):
            requests[kernel_name(request.build(target))] = request

    module = run_pipeline(exported, target, normalisation=normalisation, choose=remember).kernels
    calls = Counter(called_kernel(binding.value) for binding in straight_line(module["main"]))
    return tuple(
        KernelTask(kernel_key(name), requests[name], count)
        for name, count in calls.items()
        if name is not None and name in requests
    )
