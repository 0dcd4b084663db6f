"""Installing the app on the emulated phone, starting it there, and fetching what it kept."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.app.build import ACTIVITY, PACKAGE
from android_runner.app.on_phone import RECORDS, fetch_records, install_app, start_app
from android_runner.errors import AppError

TIMEOUT_S = 60.0
# What is waited for here is compilers and a phone.
pytestmark = [pytest.mark.phone, pytest.mark.timeout(900)]


def shell(transport: AdbShellTransport, command: str) -> str:
    return transport.shell(command, timeout_s=TIMEOUT_S).stdout


def put_record(transport: AdbShellTransport, folder: Path, name: str, content: str) -> None:
    (folder / "record").write_text(content)
    shell(transport, f"mkdir -p {RECORDS}")
    transport.push(folder / "record", RECORDS / name, timeout_s=TIMEOUT_S)


def test_install_start_and_fetch(transport: AdbShellTransport, apk: Path, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="does not exist"):
        start_app(transport)
    with pytest.raises(AppError, match="not installed"):
        fetch_records(transport, tmp_path / "results")
    install_app(transport, apk)
    assert shell(transport, "pm list packages").split() == [f"package:{PACKAGE}"]
    (installed,) = shell(transport, f"pm path {PACKAGE}").split()
    transport.pull(
        PurePosixPath(installed.removeprefix("package:")), tmp_path / "back.apk", timeout_s=TIMEOUT_S
    )
    assert (tmp_path / "back.apk").read_bytes() == apk.read_bytes()
    assert "groupnet-app" not in shell(transport, "ls /data/local/tmp")
    start_app(transport)
    assert shell(transport, f"cat /data/app/{PACKAGE}/started").split() == [ACTIVITY]
    with pytest.raises(AppError, match="none yet"):
        fetch_records(transport, tmp_path / "results")
    put_record(transport, tmp_path, "20261124T031500Z.json", json.dumps({"a": 2}))
    put_record(transport, tmp_path, "20261123T031500Z.json", json.dumps({"a": 1}))
    put_record(transport, tmp_path, "something-else", "x")
    fetched = fetch_records(transport, tmp_path / "results")
    assert [json.loads(path.read_text())["a"] for path in fetched] == [1, 2]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [path.name for path in fetched]
    # An update leaves what was measured.
    install_app(transport, apk)
    assert len(fetch_records(transport, tmp_path / "results")) == 2


def test_what_is_no_app_is_refused_with_the_phones_reason(
    transport: AdbShellTransport, tmp_path: Path
) -> None:
    (tmp_path / "no.apk").write_bytes(b"PK no archive")
    with pytest.raises(AppError, match=r"INSTALL_PARSE_FAILED_NOT_APK.*groupnet app build"):
        install_app(transport, tmp_path / "no.apk")
    assert "groupnet-app" not in shell(transport, "ls /data/local/tmp")
