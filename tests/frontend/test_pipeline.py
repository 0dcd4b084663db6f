"""The pipeline as a whole: what it leaves, what it reports, and that a pass must fire."""

import dataclasses
import re

import pytest
import tvm
from small_nets import export

from frontend import pipeline
from frontend.errors import PassDidNotFireError
from frontend.nodes import called_kernel, operator_name
from frontend.passes.pack_activations import pack_activations
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target

TARGET = resolve_target("host")


@pytest.fixture(scope="module")
def result():
    return pipeline.run_pipeline(export(), TARGET)


def test_no_layout_transform_is_inside_the_net(result):
    assert "relax.permute_dims" not in {operator_name(b.value) for b in straight_line(result.graph["main"])}
    names = [str(variable.name_hint) for variable, _ in result.kernels.functions_items()]
    assert not [name for name in names if "transpose" in name or "permute" in name]


def test_nothing_falls_to_default_lowering(result):
    kernels = {
        str(variable.name_hint): function
        for variable, function in result.kernels.functions_items()
        if isinstance(function, tvm.tirx.PrimFunc)
    }
    assert kernels
    kinds = {str(function.attrs["groupnet.kernel"]) for function in kernels.values()}
    assert kinds >= {"binary_conv2d", "grouped_conv2d", "pack", "float_conv2d", "dense", "glue"}
    ours = ("binary_conv2d_", "grouped_conv2d_", "float_conv2d_")
    assert not [name for name in kernels if "conv2d" in name and not name.startswith(ours)]


def test_main_and_verify_call_the_same_binary_kernels(result):
    def called(name):
        kernels = (called_kernel(b.value) for b in straight_line(result.kernels[name]))
        return {kernel for kernel in kernels if kernel and re.match("(binary|grouped)_conv2d", kernel)}

    assert called("main") == called("verify") != set()


def test_every_pass_reports(result):
    names = [record.name for record in result.passes]
    assert names == ["import_model", *(p.__name__ for phase in pipeline.PHASES for p in phase.passes)]
    fired = {record.name: record.fired for record in result.passes}
    assert fired["import_model"] == fired["pack_activations"] == result.binary_convs
    # Each binary convolution is followed by its scale and its batch norm; most by a ReLU too.
    assert fired["fold_epilogue"] >= 3 * result.binary_convs


def test_dump_writes_the_program_after_each_phase(tmp_path):
    pipeline.run_pipeline(export(depths=(1,)), TARGET, dump_ir=tmp_path / "ir")
    names = sorted(path.name for path in (tmp_path / "ir").iterdir())
    assert names == [
        "phase-0-import.py",
        "phase-1-normalise.py",
        "phase-2-binary-dataflow.py",
        "phase-3-kernels.py",
    ]
    assert "groupnet.packed_conv2d" in (tmp_path / "ir" / "phase-2-binary-dataflow.py").read_text()


def without(phase_index, graph_pass):
    phases = list(pipeline.PHASES)
    left = tuple(p for p in phases[phase_index].passes if p is not graph_pass)
    phases[phase_index] = dataclasses.replace(phases[phase_index], passes=left)
    return tuple(phases)


def test_an_operator_that_slipped_through_is_an_error(monkeypatch):
    monkeypatch.setattr(pipeline, "PHASES", without(1, pack_activations))
    with pytest.raises(PassDidNotFireError, match=r"groupnet\.binary_conv2d"):
        pipeline.run_pipeline(export(depths=(1,)), TARGET)


def test_packs_that_did_not_fire_are_an_error(monkeypatch):
    def lazy(module):
        module, _ = pack_activations(module)
        return module, 0

    lazy.__name__ = "pack_activations"
    phases = list(pipeline.PHASES)
    passes = tuple(lazy if p is pack_activations else p for p in phases[1].passes)
    phases[1] = dataclasses.replace(phases[1], passes=passes)
    monkeypatch.setattr(pipeline, "PHASES", tuple(phases))
    with pytest.raises(PassDidNotFireError, match="once per binary convolution"):
        pipeline.run_pipeline(export(depths=(1,)), TARGET)


def test_an_unscheduled_kernel_is_an_error():
    @tvm.script.ir_module(check_well_formed=False)
    class Unscheduled:
        @tvm.script.tirx.prim_func(s_tir=True)
        def lonely(a: tvm.script.tirx.Buffer((4,), "float32")):
            for i in range(4):
                a[i] = a[i] + tvm.script.tirx.float32(1)

    with pytest.raises(PassDidNotFireError, match="lonely"):
        pipeline._check_kernels(Unscheduled)
