"""Phase 4: plan memory, generate code for the target, and link a shared library for the device."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tvm
from tvm import relax

from frontend.errors import BuildError
from frontend.rewriter import remove_dead_code, straight_line
from tvm_schedules.code_generation import unchecked

_CROSS_COMPILER = "aarch64-linux-gnu-g++"
# TVM writes debug information for every kernel: a third of a megabyte that no device needs.
_LINK_OPTIONS = ("-Wl,--strip-all",)


def plan_memory(module: Any) -> Any:
    """Give every tensor of the module's functions a place in storage that is shared as lifetimes allow.

    A kernel with several results leaves a tuple of them behind, which is made and taken apart at run time;
    whoever reads an item reads the tensor instead.
    """
    planned = tvm.transform.Sequential(
        [
            relax.transform.ToNonDataflow(),
            relax.transform.RemovePurityChecking(),
            relax.transform.CallTIRRewrite(),
            relax.transform.StaticPlanBlockMemory(),
            relax.transform.CanonicalizeBindings(),
        ]
    )(module)
    return remove_dead_code(planned)


def planned_bytes(function: Any) -> int:
    """Bytes of storage that a planned function allocates: its tensors at their peak, outputs apart."""
    storage = tvm.ir.Op.get("relax.memory.alloc_storage")
    calls = (binding.value for binding in straight_line(function))
    return sum(
        int(call.args[0].values[0]) for call in calls if isinstance(call, relax.Call) and call.op == storage
    )


def lower_to_vm() -> Any:
    """The passes after memory planning, in order: from planned calls of kernels to byte code."""
    return tvm.transform.Sequential(
        [
            relax.transform.LowerAllocTensor(),
            relax.transform.KillAfterLastUse(),
            relax.transform.LowerRuntimeBuiltin(),
            relax.transform.ComputePrimValue(),
            relax.transform.VMShapeLower(),
            relax.transform.AttachGlobalSymbol(),
        ]
    )


def build_library(planned: Any, target: Any, path: Path) -> None:
    """Build a module whose memory is planned, and write the library to `path`, whole or not at all.

    Raises:
        BuildError: no compiler for the target's architecture, or code generation or linking failed.
    """
    link = _linker(target)
    try:
        with unchecked():
            executable = tvm.compile(planned, target=target, relax_pipeline=lower_to_vm())
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as folder:
            built = Path(folder) / path.name
            executable.export_library(str(built), fcompile=link)
            os.replace(built, path)
    except (RuntimeError, ValueError, TypeError) as error:
        raise BuildError(f"expected code for {target}; got a failure while building: {error}") from error


def _linker(target: Any) -> Callable[..., Any]:
    """What links objects of the target's architecture: the host's compiler, or a cross compiler."""
    architecture = str(target.attrs.get("mtriple", "")).split("-", 1)[0]
    if architecture in ("", os.uname().machine):
        compiler = shutil.which("g++") or shutil.which("c++") or shutil.which("gcc")
        advice = "install g++"
    else:
        compiler = shutil.which(_CROSS_COMPILER) if architecture == "aarch64" else None
        advice = f"install {_CROSS_COMPILER} (Debian: apt-get install g++-aarch64-linux-gnu)"
    if compiler is None:
        raise BuildError(f"expected a C++ compiler for {architecture or 'this machine'}; got none; {advice}")
    link: Callable[..., Any] = tvm.support.cc.cross_compiler(compiler, options=list(_LINK_OPTIONS))
    return link
