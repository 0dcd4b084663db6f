"""What `groupnet app` refuses before anything is compiled or sent."""

from pathlib import Path

import pytest
from run_verb import groupnet


def test_an_incomplete_sdk_is_told_of_before_models_are_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    told = groupnet("app", "build", "--out", tmp_path / "app.apk", code=2)
    assert told["error"]["type"] == "AppBuildError" and "ANDROID_HOME" in told["error"]["message"]
    assert not (tmp_path / "app.apk").exists()


def test_an_app_that_was_not_built_is_not_installed(tmp_path: Path) -> None:
    told = groupnet("app", "install", "--device", "emulator", "--apk", tmp_path / "app.apk", code=2)
    assert "groupnet app build" in told["error"]["message"]


@pytest.mark.parametrize("verb", ["install", "results"])
def test_apps_run_on_phones_only(tmp_path: Path, verb: str) -> None:
    apk = tmp_path / "app.apk"
    apk.touch()
    rest = ["--apk", apk] if verb == "install" else ["--out", tmp_path / "results"]
    told = groupnet("app", verb, "--device", "host", *rest, code=2)
    assert told["error"]["type"] == "NoSuchDeviceError" and "phones only" in told["error"]["message"]
