"""Lower everything that is no convolution and no dense layer: fuse it, then schedule each fused function."""

from typing import Any

import tvm
from tvm import relax

from tvm_schedules.glue import schedule_glue


def lower_glue(module: Any, target: Any) -> tuple[Any, int]:
    """Fuse and schedule pools, additions, gates, slices; fired = number of functions scheduled.

    TVM's own passes do the fusing; the schedules are ours, since TVM's default for the CPU is a plain scalar
    loop.
    """
    with target:
        module = tvm.transform.Sequential(
            [
                relax.backend.DispatchSortScan(),  # `topk`, which dynamic branches choose with
                relax.transform.LegalizeOps(enable_warning=False),
                relax.transform.AnnotateTIROpPattern(),
                relax.transform.FuseOps(),
                relax.transform.FuseTIR(),
                relax.transform.RewriteDataflowReshape(),
                relax.transform.DeadCodeElimination(),
            ]
        )(module)
    functions = {}
    fired = 0
    for variable, function in module.functions_items():
        if isinstance(function, tvm.tirx.PrimFunc):
            function = schedule_glue(function, target)
            fired += 1
        functions[variable] = function
    return tvm.IRModule(functions, attrs=module.attrs), fired
