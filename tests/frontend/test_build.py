"""A library is written whole or not at all, and a missing linker is said plainly."""

import numpy as np
import pytest
import tvm
from small_nets import export
from tvm import relax

from frontend import build
from frontend.build import build_library, plan_memory
from frontend.errors import BuildError
from frontend.pipeline import run_pipeline
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target


@pytest.fixture(scope="module")
def kernels():
    return plan_memory(run_pipeline(export(depths=(1,)), resolve_target("arm64")).kernels)


def test_nothing_is_put_into_tuples_but_what_is_returned(kernels):
    values = [binding.value for binding in straight_line(kernels["verify"])]
    assert sum(isinstance(value, relax.Tuple) for value in values) == 1
    assert not any(isinstance(value, relax.TupleGetItem) for value in values)


def test_missing_cross_compiler_names_the_package(kernels, tmp_path, monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    with pytest.raises(BuildError, match="g\\+\\+-aarch64-linux-gnu"):
        build_library(kernels, resolve_target("arm64"), tmp_path / "module.so")
    assert not list(tmp_path.iterdir())


def test_failing_linker_leaves_the_old_library(kernels, tmp_path, monkeypatch):
    path = tmp_path / "module.so"
    path.write_bytes(b"old")
    monkeypatch.setattr(build.shutil, "which", lambda _: "false")
    with pytest.raises(BuildError):
        build_library(kernels, resolve_target("arm64"), path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["module.so"]


@pytest.fixture(scope="module")
def host_vm(tmp_path_factory):
    target = resolve_target("host")
    path = tmp_path_factory.mktemp("host") / "module.so"
    build_library(plan_memory(run_pipeline(export(depths=(1,)), target).kernels), target, path)
    return relax.VirtualMachine(tvm.runtime.load_module(str(path)), tvm.cpu())


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 1, 32, 32), "float32"), ((2, 32, 32, 1), "float32"), ((1, 32, 32, 1), "int8")]
)
def test_the_built_function_refuses_inputs_of_another_shape_or_type(host_vm, shape, dtype):
    # Kernels are built without checks of their own, so this one must hold.
    with pytest.raises((RuntimeError, ValueError), match="fn=main"):
        host_vm["main"](tvm.runtime.tensor(np.zeros(shape, dtype)))
