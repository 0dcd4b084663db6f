"""An APK with a small program of its own, ready for the JVM, and people who use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from phone_user import JSON_JAR, OnJvm, PhoneUser

from android_runner.app.build import AppOrder, BuiltApp, build_app
from android_runner.app.toolchain import missing_packages
from android_runner.runtime_cache import cached_folder
from groupnet.app_test_sets import test_set_assets as assets_of

MODELS = ("digits-k3", "shapes-fcos-k5", "shapes-bpac-k5")
_COMPILE_TIMEOUT_S = 120.0

StartUser = Callable[..., PhoneUser]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes that run tests: an app is built once."""
    if missing := missing_packages():
        pytest.skip(f"the app is built with {' '.join(missing)}: run `make app-tools`")
    if not JSON_JAR.is_file():
        pytest.skip("the app's tests need libandroid-json-org-java: run `make app-tools`")
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def arm64_program(shared_folder: Path) -> Path:
    """The smallest thing that the APK takes for a benchmark program."""

    def fill(folder: Path) -> None:
        (folder / "program.c").write_text("int main(void) { return 0; }\n")
        options = ["-static", "-O1", "-Wl,-z,max-page-size=65536", "-o", str(folder / "program")]
        command = ["aarch64-linux-gnu-gcc", *options, str(folder / "program.c")]
        subprocess.run(command, check=True, timeout=_COMPILE_TIMEOUT_S)

    return cached_folder(shared_folder / "arm64-program", fill) / "program"


@pytest.fixture(scope="session")
def order(shared_folder: Path, arm64_program: Path) -> AppOrder:
    """What goes into the test's app; its key is made for it."""
    return AppOrder(arm64_program, assets_of(MODELS), shared_folder / "app-key/app.p12")


@pytest.fixture(scope="session")
def apk(shared_folder: Path, order: AppOrder) -> Path:
    """The app."""

    def fill(folder: Path) -> None:
        build_app(order, folder / "app.apk")

    return cached_folder(shared_folder / "app-built", fill) / "app.apk"


@pytest.fixture(scope="session")
def rebuilt(order: AppOrder, apk: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltApp:
    """The same app once more, after the first."""
    del apk
    return build_app(order, tmp_path_factory.mktemp("again") / "other-name.apk")


@pytest.fixture(scope="session")
def ready(shared_folder: Path, apk: Path) -> OnJvm:
    """The app's DEX as the JVM takes it."""
    folder = cached_folder(shared_folder / "app-on-jvm", lambda folder: OnJvm.prepare(apk, folder) and None)
    return OnJvm(folder / "app.jar", folder / "fakes", folder / "unpacked/assets")


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a benchmark program which goes wrong in a way, or in none.

    One that `pauses` goes on after its second run when the file `pause` beside it is gone.
    """
    source = (Path(__file__).parent / "fake_bench.py").read_text(encoding="utf-8")

    def make(mode: str = "") -> Path:
        folder = tmp_path / "program"
        folder.mkdir(exist_ok=True)
        (folder / "mode").write_text(mode)
        (folder / "pause").touch()
        path = folder / "bench"
        path.write_text(f"#!{sys.executable} -S\n{source}", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def start_user(ready: OnJvm, tmp_path: Path) -> Iterator[StartUser]:
    """Return a function that starts the app on a phone whose benchmark program is the given one."""
    users: list[PhoneUser] = []

    def start(program: Path, *properties: str) -> PhoneUser:
        users.append(PhoneUser(ready, program, tmp_path / f"phone{len(users)}", *properties))
        return users[-1]

    yield start
    for user in users:
        user.close()
