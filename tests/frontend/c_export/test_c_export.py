"""The digits network as C computes what PyTorch and the bundle's module do, by each compiler and checker."""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_programs import (
    LIMIT_S,
    SANITIZED,
    THREADS_CHECKED,
    WARNINGS,
    Built,
    CModule,
    build_c,
    build_harness,
    call,
    compile_keeping_plan,
    same_bits,
)
from small_nets import normalised, plan_of

from android_runner.devices import open_device
from android_runner.verification import ReferenceTensors, VerificationPlan, verify_module
from frontend.build import plan_memory
from frontend.c_export import objects
from frontend.c_export.driver import Identity
from frontend.c_export.export import ExportReport, export_model, export_plan
from frontend.c_export.plan import read_plan
from frontend.errors import BuildError
from frontend.normalisation import Normalisation
from frontend.pipeline import run_pipeline
from frontend.reference import record_reference
from groupnet.model_source import Model, Request, load_model
from tvm_schedules.targets import resolve_target

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 1, 1, 32, 32), np.uint8)  # three images, NCHW
IMAGES = [np.ascontiguousarray(image.transpose(0, 2, 3, 1)) for image in PIXELS]


@functools.cache
def digits() -> Model:
    return load_model(Request("digits-k3"))


@functools.cache
def normalisation() -> Normalisation:
    return Normalisation(digits().preprocessing.mean, digits().preprocessing.std)


def identity(target: str) -> Identity:
    return Identity("digits", "classification", target, digits().labels)


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Path, VerificationPlan, ReferenceTensors]:
    """The planned module, the library that `compile` makes of it, and PyTorch's numbers for one image."""
    path = tmp_path_factory.mktemp("module") / "module.so"
    planned, report = compile_keeping_plan(digits().exported, "host", path, normalisation())
    plan, tensors = plan_of(
        report, record_reference(digits().exported, [normalised(PIXELS[0], normalisation())])
    )
    return planned, path, plan, replace(tensors, inputs=(IMAGES[0],))


@pytest.fixture(scope="module")
def host(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("host")
    return build_c(reference[0], "host", os.uname().machine, folder, identity("host"))


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Built:
    result = run_pipeline(digits().exported, resolve_target("arm64"), normalisation=normalisation())
    folder = tmp_path_factory.mktemp("arm64")
    return build_c(plan_memory(result.kernels), "arm64", "aarch64", folder, identity("arm64"))


@pytest.fixture(scope="module")
def haswell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path]:
    """The network that takes floats, for processors with AVX2; and the library of its bundle."""
    if " avx2 " not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    folder = tmp_path_factory.mktemp("haswell")
    planned, _ = compile_keeping_plan(digits().exported, "haswell", folder / "module.so", None)
    return build_c(planned, "haswell", "x86_64", folder, identity("haswell")), folder / "module.so"


@pytest.mark.parametrize("threads", [1, 3])
def test_this_machine_computes_pytorchs_integers(host: Built, reference: Any, threads: int) -> None:
    _, _, plan, tensors = reference
    report = verify_module(replace(host.module, threads=threads), plan, tensors)  # type: ignore[arg-type]
    assert report.exact and report.binary_convs == 24


@pytest.mark.parametrize(("threads", "instances", "runs"), [(1, 1, 1), (3, 1, 2), (1, 2, 20), (2, 2, 3)])
def test_outputs_equal_the_bundles_to_the_last_bit(
    host: Built, reference: Any, threads: int, instances: int, runs: int
) -> None:
    module = replace(host.module, threads=threads, instances=instances, runs=runs)
    with open_device("host").session() as session:
        bundle = session.load(reference[1])
        for image in IMAGES:
            assert same_bits(module.run("main", [image]), bundle.run("main", [image]))


@pytest.mark.parametrize("flags", [SANITIZED, THREADS_CHECKED], ids=["address-undefined", "thread"])
def test_sanitizers_find_nothing(host: Built, tmp_path: Path, flags: tuple[str, ...]) -> None:
    folder = tmp_path / "main"
    shutil.copytree(host.folders["main"], folder)
    program = build_harness(folder, "digits_main", flags=flags)
    report = host.module.programs["main"][1]
    module = CModule({"main": (program, report)}, threads=2, instances=2, runs=2)
    assert same_bits(module.run("main", [IMAGES[0]]), host.module.run("main", [IMAGES[0]]))


@pytest.mark.parametrize("kind", ["pixels", "floats"])
@pytest.mark.parametrize("flags", [("-O2",), SANITIZED], ids=["plain", "address-undefined"])
def test_misused_at_random_it_answers_and_still_works(
    kind: str, flags: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    built = request.getfixturevalue("host") if kind == "pixels" else request.getfixturevalue("haswell")[0]
    shutil.copytree(built.folders["main"], tmp_path / "main")
    program = build_harness(tmp_path / "main", "digits_main", flags=flags, program="fuzz")
    for seed in range(3):
        assert call(program, seed, 20) == b"ok\n"


def test_misused_on_an_arm64_core_it_answers_and_still_works(arm64: Built, tmp_path: Path) -> None:
    shutil.copytree(arm64.folders["main"], tmp_path / "main")
    program = build_harness(tmp_path / "main", "digits_main", "aarch64", program="fuzz")
    assert call("qemu-aarch64", "-cpu", "cortex-a53", program, 0, 10) == b"ok\n"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e-42, -0.0])
def test_floats_that_are_hardly_numbers_give_what_the_bundle_gives(
    haswell: tuple[Built, Path], value: float
) -> None:
    built, library = haswell
    one = np.random.default_rng(0).standard_normal((1, 32, 32, 1), np.float32)
    one[0, 3:7] = value
    everywhere = np.full_like(one, value)
    with open_device("host").session() as session:
        bundle = session.load(library)
        for image in (one, everywhere):
            assert same_bits(built.module.run("main", [image]), bundle.run("main", [image]))


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_valgrind_finds_nothing(haswell: tuple[Built, Path], tmp_path: Path) -> None:
    """Compiled for AVX2, as valgrind knows no AVX-512; it sees into the kernels, as no sanitizer does."""
    built, _ = haswell
    shutil.copytree(built.folders["main"], tmp_path / "main")
    program = build_harness(tmp_path / "main", "digits_main", flags=("-g", "-O1"))
    report = built.module.programs["main"][1]
    valgrind = ("valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full")
    image = np.random.default_rng(0).standard_normal((1, 32, 32, 1), np.float32)
    module = CModule({"main": (program, report)}, valgrind, threads=2, instances=2)
    (found,), (expected,) = module.run("main", [image]), built.module.run("main", [image])
    # It computes fused additions in two steps.
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_two_models_live_in_one_program(host: Built, tmp_path: Path) -> None:
    """Their kernels have the same names, which nobody outside sees."""
    runtime = host.folders["main"] / "runtime"
    (tmp_path / "both.c").write_text(
        '#include "groupnet.h"\n'
        "extern const groupnet_model digits_main, digits_verify;\n"
        "int main(void) { return !(groupnet_memory_bytes(&digits_main, 1) && "
        "groupnet_memory_bytes(&digits_verify, 1)); }\n"
    )
    objects_of = [folder / "model.o" for folder in host.folders.values()]
    sources = [tmp_path / "both.c", runtime / "groupnet.c", runtime / "groupnet_pool.c"]
    call("gcc", *WARNINGS, f"-I{runtime}", *sources, *objects_of, "-lm", "-pthread", "-o", tmp_path / "both")
    call(tmp_path / "both")


def test_one_symbol_is_global(host: Built) -> None:
    listed = call("nm", "--defined-only", "--extern-only", host.folders["main"] / "model.o").decode()
    assert [line.split()[-1] for line in listed.splitlines()] == ["digits_main"]


def test_the_object_is_little_more_than_the_weights(arm64: Built) -> None:
    report: ExportReport = arm64.module.programs["main"][1]
    assert report.object_bytes < report.constant_bytes + 300_000


@pytest.fixture
def example(host: Built, tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    shutil.copytree(host.folders["main"], folder)
    (folder / "input.bin").write_bytes(IMAGES[0].tobytes())
    return folder


def run_example(folder: Path, program: Path, host: Built) -> None:
    (scores,) = host.module.run("main", [IMAGES[0]])
    (folder / "output.bin").write_bytes(scores.tobytes())
    said = call(program, folder / "input.bin", folder / "output.bin", 2).decode()
    best = int(scores.argmax())
    assert f"digits-main (classification, for host): 10 outputs, the largest is {scores.max():g} at" in said
    assert f"at {best}: {digits().labels[best]}" in said
    assert "output.bin: 0\n" in said


def build_example(folder: Path, *compiler: str, limit_s: float = LIMIT_S) -> Path:
    sources = [folder / "example.c", *sorted((folder / "runtime").glob("*.c"))]
    includes = (f"-I{folder}", f"-I{folder / 'runtime'}")
    libraries = (folder / "model.o", "-lm", "-pthread")
    command = (*compiler, *WARNINGS, *includes, *sources, *libraries, "-o", folder / "example")
    call(*command, limit_s=limit_s)
    return folder / "example"


@pytest.mark.parametrize("optimised", ["-O0", "-O2", "-O3"])
def test_the_example_builds_without_a_warning(example: Path, host: Built, optimised: str) -> None:
    program = build_example(example, "gcc", optimised)
    run_example(example, program, host)
    missing = subprocess.run([program, example / "none"], capture_output=True, timeout=60)
    assert (missing.returncode, b"expected 1024 bytes" in missing.stderr) == (1, True)


def test_the_example_builds_for_arm64(arm64: Built, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(arm64.folders["main"], folder)
    (folder / "input.bin").write_bytes(IMAGES[0].tobytes())
    for optimised in ("-O2", "-O3"):  # GCC 12's own faults show here
        program = build_example(folder, "aarch64-linux-gnu-gcc", "-static", optimised)
    assert "10 outputs, the largest is" in call("qemu-aarch64", program, folder / "input.bin").decode()


@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="the extra `native` is not installed")
def test_the_example_builds_with_musl(arm64: Built, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(arm64.folders["main"], folder)
    (folder / "input.bin").write_bytes(IMAGES[0].tobytes())
    (scores,) = replace(arm64.module, prefix=("qemu-aarch64",)).run("main", [IMAGES[0]])
    (folder / "output.bin").write_bytes(scores.tobytes())
    zig = (sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-static", "-O2")
    program = build_example(folder, *zig, limit_s=600)  # the first build of all compiles musl
    for core in ("cortex-a53", "cortex-a72", "cortex-a76", "max"):
        said = call("qemu-aarch64", "-cpu", core, program, folder / "input.bin", folder / "output.bin", 2)
        assert b"output.bin: 0\n" in said


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_the_example_builds_with_cmake(example: Path, host: Built, tmp_path: Path) -> None:
    call("cmake", "-S", example, "-B", tmp_path / "build")
    call("cmake", "--build", tmp_path / "build")
    run_example(example, tmp_path / "build" / "example", host)


def test_a_missing_tool_is_named_before_anything_slow(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(objects.shutil, "which", lambda name: None if name.endswith("objcopy") else name)
    with pytest.raises(BuildError, match=r"no aarch64-linux-gnu-objcopy; .*gcc-aarch64-linux-gnu"):
        export_model(digits().exported, resolve_target("arm64"), tmp_path, Identity("n", "t", "arm64"))
    assert not list(tmp_path.iterdir())


def test_a_kernel_that_needs_more_than_c_is_refused(host: Built, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(objects, "EXTERNALS", objects.EXTERNALS - {"groupnet_parallel_launch"})
    plan = read_plan(host.planned)
    with pytest.raises(BuildError, match="got groupnet_parallel_launch"):
        export_plan(plan, resolve_target("host"), tmp_path, Identity("n", "t", "host"))
