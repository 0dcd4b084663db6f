"""Boards behind TVM's own RPC server, played by one on this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tvm_rpc_server import end_server, free_port, running_server

from android_runner import board_device
from android_runner.board_device import BoardDevice, count_cores, text_of
from android_runner.devices import open_device
from android_runner.elf import machine_of
from android_runner.errors import (
    CoresUnavailableError,
    DeviceBusyError,
    NoSuchDeviceError,
    ServerError,
    ThreadsUnavailableError,
    WrongArchitectureError,
)
from android_runner.run_control import RunControl
from android_runner.tensor_types import TensorType

IMAGE = TensorType((1, 2, 5), "uint8")
MATRIX = TensorType((2, 3), "float32")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardDevice]:
    with running_server(tmp_path_factory.mktemp("board") / "log") as (port, _):
        device = open_device(f"rpc:127.0.0.1:{port}")
        assert isinstance(device, BoardDevice)
        yield device


def test_it_says_who_it_is(board: BoardDevice) -> None:
    info = board.info()
    assert (info.kind, info.arch, info.serial, info.emulated) == ("rpc", platform.machine(), None, False)
    assert info.name.startswith("rpc:127.0.0.1:") and info.cpu and info.model
    assert info.cores == os.cpu_count()
    with board.watch() as readings:
        assert readings == []
    assert board.cool_down(print) is None


def test_modules_run_there(board: BoardDevice, host_module: Path) -> None:
    with board.session(timeout_s=60) as session:
        module = session.load(host_module, {"image": [IMAGE], "nested": [MATRIX]})
        x = np.array([[-1, 2, -3], [4, -5, 6]], np.float32)
        doubled, positive, same = module.run("nested", [x])
        assert np.array_equal(doubled, 2 * x) and np.array_equal(same, x)
        assert np.array_equal(positive, np.maximum(x, 0))
        assert len(module.time("nested", [x], runs=3, warmup=1, threads=1)) == 3
        # Batches are a call an image, in whatever number they come.
        stream = module.batches("image", [TensorType((1, 2, 5), "float32"), IMAGE], threads=1)
        batches = [np.random.default_rng(count).integers(0, 256, (count, 2, 5), np.uint8) for count in (1, 4)]
        for batch in batches:
            stream.start(batch)
        for batch in batches:
            floats, turned = stream.finish()
            assert np.array_equal(floats, batch.astype(np.float32)) and np.array_equal(turned, ~batch)
        stream.close()


def test_what_only_our_server_has_is_refused(
    board: BoardDevice, host_module: Path, foreign_module: Path
) -> None:
    with (
        pytest.raises(CoresUnavailableError, match="taskset"),
        board.session(control=RunControl("big", None)),
    ):
        pass
    with board.session(timeout_s=60, control=RunControl(None, None)) as session:
        module = session.load(host_module)
        x = np.zeros((2, 3), np.float32)
        with pytest.raises(ServerError, match="leave --profile out"):
            module.footprint("nested", [x])
        with pytest.raises(ServerError, match="leave --profile out"):
            module.profile("nested", [x], runs=1, threads=1)
        assert module.ceilings(threads=1) is None
        with pytest.raises(ThreadsUnavailableError, match="start its server with TVM_NUM_THREADS=2"):
            module.time("nested", [x], runs=1, warmup=0, threads=2)
        with pytest.raises(WrongArchitectureError):
            session.load(foreign_module)


def test_one_session_at_a_time(board: BoardDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_device, "_ASK_TIMEOUT_S", 0.5)
    with board.session(timeout_s=60), pytest.raises(DeviceBusyError, match="one at a time"):
        board.info()


def test_a_server_that_ends_is_no_riddle(tmp_path: Path, host_module: Path) -> None:
    with running_server(tmp_path / "log") as (port, server):
        device = BoardDevice("127.0.0.1", port)
        with device.session(timeout_s=60) as session:
            module = session.load(host_module)
            end_server(server)
            with pytest.raises(ServerError, match="start it again"):
                module.run("nested", [np.zeros((2, 3), np.float32)])
        with pytest.raises(NoSuchDeviceError, match=f"--port {port} --port-end {port + 1}"):
            device.info()


def test_a_server_that_asks_for_a_key(tmp_path: Path) -> None:
    with running_server(tmp_path / "log", "--key", "pi") as (port, _):
        with pytest.raises(ServerError, match="without --key"):
            BoardDevice("127.0.0.1", port).info()


def test_nobody_is_there() -> None:
    with pytest.raises(NoSuchDeviceError, match=r"python -m tvm\.exec\.rpc_server"):
        BoardDevice("127.0.0.1", free_port()).info()


@pytest.mark.parametrize(
    ("online", "cores"), [("0", 1), ("0-3", 4), ("0,2-3,6", 4), ("", 1), ("none", 1), ("0-", 1)]
)
def test_cores_are_counted(online: str, cores: int) -> None:
    assert count_cores(online) == cores


def test_files_of_the_system_are_read() -> None:
    assert text_of(b"0-3\n" + bytes(4000)) == "0-3"
    assert text_of(b"Raspberry Pi 4 Model B Rev 1.4\0") == "Raspberry Pi 4 Model B Rev 1.4"
    assert text_of(b"") == ""
    assert machine_of(Path("/bin/sh").read_bytes()) == platform.machine()
    assert machine_of(b"\x7fELF\x01\x01" + bytes(60)) is None  # 32 bits
    assert machine_of(b"#!/bin/sh") is None
