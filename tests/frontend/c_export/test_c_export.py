"""The digits network as C computes what PyTorch and the bundle's module do, here and on four arm64 cores."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_programs import SANITIZED, WARNINGS, CModule, build_harness, call, same_bits
from small_nets import normalised, plan_of

from android_runner.devices import open_device
from android_runner.emulator.phone import start_phone, stop_phone
from android_runner.verification import ReferenceTensors, VerificationPlan, verify_module
from frontend import compile as compiling
from frontend.build import build_library, plan_memory
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

CORES = ("cortex-a53", "cortex-a72", "cortex-a76", "max")
FUNCTIONS = ("main", "verify")
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 1, 1, 32, 32), np.uint8)  # three images, NCHW
IMAGES = [np.ascontiguousarray(image.transpose(0, 2, 3, 1)) for image in PIXELS]


@functools.cache
def digits() -> Model:
    return load_model(Request("digits-k3"))


@functools.cache
def normalisation() -> Normalisation:
    return Normalisation(digits().preprocessing.mean, digits().preprocessing.std)


@dataclass(frozen=True)
class Built:
    """The network for one target: as C in a folder for each function, as a module's plan, and checked how."""

    planned: Any
    folders: dict[str, Path]
    module: CModule


def build_c(planned: Any, target: str, arch: str, folder: Path) -> Built:
    programs, folders = {}, {}
    for function in FUNCTIONS:
        folders[function] = folder / function
        folders[function].mkdir()
        name = f"digits-{function}"
        identity = Identity(name, "classification", target, digits().labels)
        report = export_plan(
            read_plan(planned, function), resolve_target(target), folders[function], identity
        )
        programs[function] = (build_harness(folders[function], report.symbol, arch), report)
    return Built(planned, folders, CModule(programs))


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Path, VerificationPlan, ReferenceTensors]:
    """The planned module, the library that `compile` makes of it, and PyTorch's numbers for one image."""
    path = tmp_path_factory.mktemp("module") / "module.so"
    kept = {}

    def keep(planned: Any, target: Any, library: Path) -> None:
        kept["planned"] = planned
        build_library(planned, target, library)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "build_library", keep)
        report = compiling.compile_model(
            digits().exported, resolve_target("host"), path, normalisation=normalisation()
        )
    plan, tensors = plan_of(
        report, record_reference(digits().exported, [normalised(PIXELS[0], normalisation())])
    )
    return kept["planned"], path, plan, replace(tensors, inputs=(IMAGES[0],))


@pytest.fixture(scope="module")
def host(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_c(reference[0], "host", os.uname().machine, tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Built:
    result = run_pipeline(digits().exported, resolve_target("arm64"), normalisation=normalisation())
    return build_c(plan_memory(result.kernels), "arm64", "aarch64", tmp_path_factory.mktemp("arm64"))


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


@pytest.mark.parametrize("core", CORES)
def test_arm64_cores_compute_pytorchs_integers(arm64: Built, reference: Any, core: str) -> None:
    _, _, plan, tensors = reference
    module = replace(arm64.module, prefix=("qemu-aarch64", "-cpu", core), threads=2)
    assert verify_module(module, plan, tensors).exact  # type: ignore[arg-type]
    plain = replace(arm64.module, prefix=("qemu-aarch64", "-cpu", CORES[0]))
    assert same_bits(module.run("main", [IMAGES[1]]), plain.run("main", [IMAGES[1]]))


@pytest.fixture
def phone() -> Iterator[str]:
    name = f"export-{os.getpid()}"
    yield start_phone(cpu="cortex-a76", name=name).serial
    stop_phone(name)


@pytest.mark.phone
def test_arm64_outputs_equal_the_phones_to_the_last_bit(arm64: Built, phone: str, tmp_path: Path) -> None:
    path = tmp_path / "module.so"
    build_library(arm64.planned, resolve_target("arm64"), path)
    module = replace(arm64.module, prefix=("qemu-aarch64", "-cpu", "cortex-a76"))
    with open_device(f"adb:{phone}").session() as session:
        loaded = session.load(path)
        for image in IMAGES:
            assert same_bits(module.run("main", [image]), loaded.run("main", [image]))


def test_sanitizers_find_nothing(host: Built, tmp_path: Path) -> None:
    folder = tmp_path / "main"
    shutil.copytree(host.folders["main"], folder)
    program = build_harness(folder, "digits_main", flags=SANITIZED)
    report = host.module.programs["main"][1]
    module = CModule({"main": (program, report)}, threads=2, instances=2, runs=2)
    assert same_bits(module.run("main", [IMAGES[0]]), host.module.run("main", [IMAGES[0]]))


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


def build_example(folder: Path, compiler: str, *flags: str) -> Path:
    sources = [folder / "example.c", *sorted((folder / "runtime").glob("*.c"))]
    includes = (f"-I{folder}", f"-I{folder / 'runtime'}")
    libraries = (folder / "model.o", "-lm", "-pthread")
    call(compiler, *WARNINGS, *flags, *includes, *sources, *libraries, "-o", folder / "example")
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
