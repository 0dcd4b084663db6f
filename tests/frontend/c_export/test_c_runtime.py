"""The runtime alone: threads, scratch, cores and errors, with sanitizers, and on emulated arm64 cores."""

import re
from pathlib import Path

import pytest
from c_programs import RUNTIME_SOURCES, SANITIZED, THREADS_CHECKED, build_checks, call

from frontend.c_export import driver
from frontend.c_export.export import RUNTIME, RUNTIME_FILES


@pytest.mark.parametrize(
    "flags",
    [("-O2", "-Wshadow", "-Wconversion"), SANITIZED, THREADS_CHECKED],
    ids=["plain", "address-undefined", "thread"],
)
def test_checks_pass_on_this_machine(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert call(build_checks(tmp_path / "checks", flags=flags)).decode().endswith("ok\n")


def test_checks_pass_on_arm64_cores_with_and_without_the_dot_product(tmp_path: Path) -> None:
    checks = build_checks(tmp_path / "checks", "aarch64", ("-O2", "-static"))
    said = {
        core: call("qemu-aarch64", "-cpu", core, checks).decode() for core in ("cortex-a53", "cortex-a76")
    }
    assert said == {"cortex-a53": "dotprod no\nok\n", "cortex-a76": "dotprod yes\nok\n"}


def test_nothing_allocates(tmp_path: Path) -> None:
    for name in RUNTIME_SOURCES:
        call("gcc", "-std=c11", "-c", RUNTIME / name, "-o", tmp_path / "part.o")
        needed = call("nm", "-u", tmp_path / "part.o").decode().split()
        assert not {"malloc", "calloc", "realloc", "free", "aligned_alloc", "mmap"} & set(needed)


def test_the_exporter_and_the_runtime_agree_on_sizes() -> None:
    text = (RUNTIME / "groupnet_model.h").read_text()
    defined = {name: int(value) for name, value in re.findall(r"#define GROUPNET_(\w+) (\d+)u", text)}
    assert (defined["FORMAT"], defined["INSTANCE_BYTES"], defined["WORKER_BYTES"]) == (
        driver.FORMAT,
        driver.INSTANCE_BYTES,
        driver.WORKER_BYTES,
    )


def test_every_source_of_the_runtime_is_exported() -> None:
    assert {path.name for path in RUNTIME.iterdir()} == {*RUNTIME_FILES, "example.c", "CMakeLists.txt"}
