"""Small compiled modules for the host and for arm64, an emulated phone, and a connection to it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tvm
from tvm import relax, te
from tvm.support import cc

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone, missing_requirements, start_phone, stop_phone
from android_runner.emulator.private_adb_server import PrivateAdbServer, new_server
from android_runner.runtime_package import RuntimePackage, device_runtime

BUILD_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
PHONE_NAME = "runner"
ROWS, COLUMNS = 32, 16


def _parallel_row_sums() -> tvm.tirx.PrimFunc:
    x = te.placeholder((ROWS, COLUMNS), "float32", "x")
    column = te.reduce_axis((0, COLUMNS))
    total = te.compute((ROWS,), lambda row: te.sum(x[row, column], column), "total")
    schedule = tvm.s_tir.Schedule(te.create_prim_func([x, total]))
    row, _ = schedule.get_loops(schedule.get_sblock("total"))
    schedule.parallel(row)
    return schedule.mod["main"]


def _small_module() -> tvm.IRModule:
    """Return five functions: nested outputs, two inputs, integer words, several threads, and one image."""
    builder = relax.BlockBuilder()

    def add(name: str, types: list[tuple[tuple[int, ...], str]], body: Callable[..., relax.Expr]) -> None:
        inputs = [
            relax.Var(f"x{i}", relax.TensorType(shape, dtype)) for i, (shape, dtype) in enumerate(types)
        ]
        with builder.function(name, inputs):
            with builder.dataflow():
                output = builder.emit_output(builder.normalize(body(*inputs)))
            builder.emit_func_output(output)

    matrix = ((2, 3), "float32")
    add(
        "nested", [matrix], lambda x: relax.Tuple([relax.op.add(x, x), relax.Tuple([relax.op.nn.relu(x), x])])
    )
    add("difference", [matrix, matrix], relax.op.subtract)
    add("invert", [((5,), "uint32")], relax.op.bitwise_not)
    image = ((1, 2, 5), "uint8")
    add("image", [image], lambda x: relax.Tuple([relax.op.astype(x, "float32"), relax.op.bitwise_not(x)]))
    kernel = builder.add_func(_parallel_row_sums(), "parallel_row_sums")
    sums = relax.TensorType((ROWS,), "float32")
    add("row_sums", [((ROWS, COLUMNS), "float32")], lambda x: relax.call_tir(kernel, [x], sums))
    return builder.get()


@pytest.fixture(scope="session")
def host_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small module for this machine."""
    path = tmp_path_factory.mktemp("host") / "module.so"
    tvm.compile(_small_module(), target=tvm.target.Target({"kind": "llvm"})).export_library(str(path))
    return path


@pytest.fixture(scope="session")
def arm64_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small module for arm64."""
    path = tmp_path_factory.mktemp("arm64") / "module.so"
    target = tvm.target.Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu"})
    compiler = cc.cross_compiler("aarch64-linux-gnu-g++")
    tvm.compile(_small_module(), target=target).export_library(str(path), fcompile=compiler)
    return path


@pytest.fixture
def misbehaving_module(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes an arm64 library which runs a C statement when it is loaded."""

    def make(statement: str) -> Path:
        source = tmp_path / "misbehaving.c"
        source.write_text(
            "#include <stdlib.h>\n#include <unistd.h>\n"
            f"__attribute__((constructor)) static void on_load(void) {{ {statement} }}\n"
        )
        library = tmp_path / "misbehaving.so"
        command = ["aarch64-linux-gnu-gcc", "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True, timeout=BUILD_TIMEOUT_S)
        return library

    return make


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's emulated phones keep their folders."""
    return tmp_path_factory.mktemp("runner-phones")


@pytest.fixture(scope="session")
def runner_phone(state_dir: Path) -> Iterator[EmulatedPhone]:
    """A phone with the oldest core, so that nothing newer is asked of any phone."""
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    yield start_phone(cpu="cortex-a53", name=PHONE_NAME, state_dir=state_dir)
    stop_phone(PHONE_NAME, state_dir)


@pytest.fixture
def transport(runner_phone: EmulatedPhone) -> Iterator[AdbShellTransport]:
    """A connection of its own for each test."""
    opened = AdbShellTransport.connect("127.0.0.1", runner_phone.port, runner_phone.key, CONNECT_TIMEOUT_S)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def runtime() -> RuntimePackage:
    """The device runtime, from the cache where it is already there."""
    return device_runtime()


@pytest.fixture(scope="session")
def foreign_module(arm64_module: Path, host_module: Path) -> Path:
    """A module that this machine cannot load."""
    return arm64_module if platform.machine() != "aarch64" else host_module


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateAdbServer]:
    """An adb server of our own; nobody else's phones or keys."""
    server = new_server(tmp_path_factory.mktemp("adb-home"))
    server.start()
    yield server
    server.stop()
