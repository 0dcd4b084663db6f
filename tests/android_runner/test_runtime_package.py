"""The device runtime: complete, for arm64, cached, and honest about what is missing."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from android_runner import runtime_package
from android_runner.elf import module_architecture
from android_runner.errors import RuntimeBuildError
from android_runner.runtime_package import RuntimePackage, compile_command, describe_runtime, device_runtime

TOOL_TIMEOUT_S = 30.0
COMPILE_TIMEOUT_S = 120.0


def test_every_needed_library_is_in_the_folder(runtime: RuntimePackage) -> None:
    assert {path.name for path in runtime.folder.iterdir()} == set(runtime.files)
    for name in runtime.files:
        assert module_architecture(runtime.folder / name) == "aarch64"
        command = ["aarch64-linux-gnu-readelf", "-d", str(runtime.folder / name)]
        dynamic = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TOOL_TIMEOUT_S)
        needed = [
            line.split("[")[1].rstrip("]") for line in dynamic.stdout.splitlines() if "(NEEDED)" in line
        ]
        assert set(needed) <= set(runtime.files), name


def test_files_and_contents_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")
    package = describe_runtime(tmp_path)
    assert package.files == {
        name: hashlib.sha256(text).hexdigest() for name, text in (("a", b"1"), ("b", b"2"))
    }
    (tmp_path / "a").write_bytes(b"3")
    assert describe_runtime(tmp_path).content_hash != package.content_hash
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").rename(tmp_path / "c")
    assert describe_runtime(tmp_path).content_hash != package.content_hash


def test_a_cached_runtime_is_neither_downloaded_nor_compiled(
    runtime: RuntimePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(runtime_package, "_assemble", refuse)
    monkeypatch.setattr(runtime_package, "_download_libraries", refuse)
    assert device_runtime(progress=refuse) == runtime


def test_a_failed_download_is_explained_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    said: list[str] = []
    with pytest.raises(RuntimeBuildError, match="check the network"):
        device_runtime(tmp_path, said.append)
    assert "Downloading apache-tvm" in said[0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_missing_cross_compiler_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_package, "_COMPILER", "aarch64-linux-absent-g++")
    runtime_package._compiler_version.cache_clear()
    monkeypatch.setattr(runtime_package, "_download_libraries", lambda *_: None)
    with pytest.raises(RuntimeBuildError, match="apt-get install"):
        device_runtime(tmp_path)


def test_a_tool_that_hangs_is_given_up() -> None:
    with pytest.raises(RuntimeBuildError, match=r"longer than 0\.1 s"):
        runtime_package._run(["sleep", "30"], "Waiting", "do not", 0.1)


def test_the_server_compiles_without_a_warning() -> None:
    command = [*compile_command(), "-Werror", "-fsyntax-only"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")
