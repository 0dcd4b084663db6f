"""The same command goes on: after Ctrl-C, a killed process, a lost device; changes are noticed."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import eval_until
import pytest
from run_verb import groupnet
from small_digits import small_digits

from android_runner.errors import LinkLostError
from groupnet import boundary
from groupnet.bundle import MANIFEST, load_bundle
from groupnet.evaluate import EvalRequest, run_eval
from groupnet.scoring import board, places, run

IMAGES = 60


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_digits(tmp_path_factory.mktemp("resume"), "host")


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of images that a device was given, in chunks of 8 at most."""
    given: list[int] = []
    start = places.LoadedPlace.start

    def counting(self: places.LoadedPlace, rows: Any) -> None:
        given.append(len(rows))
        start(self, rows)

    monkeypatch.setattr(places.LoadedPlace, "start", counting)
    monkeypatch.setattr(board, "MAX_CHUNK", 8)
    monkeypatch.setattr(run, "_REPORT_S", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")  # every run here names its folder
    return given


def scored(bundle: Path, keep: Path, **changes: Any) -> dict[str, Any]:
    request = EvalRequest(limit=IMAGES, keep=keep, check=1)
    return run_eval(load_bundle(bundle), request, "host", say=changes.get("say", lambda _text, _done: None))


def what_counts(result: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run."""
    return {key: value for key, value in result.items() if key not in ("seconds", "kept_images")}


def test_a_killed_process_is_gone_on_with(bundle: Path, tmp_path: Path, computed: list[int]) -> None:
    command = [sys.executable, eval_until.__file__, str(bundle), str(tmp_path / "killed"), "20"]
    environment = os.environ | {"PYTHONPATH": str(Path(boundary.__file__).parents[1])}
    killed = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    result = scored(bundle, tmp_path / "killed")
    kept = result["kept_images"]
    assert 20 <= kept < IMAGES
    assert sum(computed) == IMAGES - kept
    calm = scored(bundle, tmp_path / "calm")
    assert what_counts(calm) == what_counts(result)
    assert result["images"] == IMAGES and result["checks"]["exact"] is True
    # What is complete is read, and no device is opened.
    computed.clear()
    assert what_counts(scored(bundle, tmp_path / "calm")) == what_counts(calm)
    assert computed == []


@pytest.mark.usefixtures("computed")
def test_ctrl_c_and_a_lost_device_lose_no_answer(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_text: str, done: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scored(bundle, tmp_path, say=interrupt)
    assert "of 60 images are kept: run the same command again" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        finish, chunks = places.LoadedPlace.finish, Counter[str]()

        def losing(self: places.LoadedPlace) -> Any:
            chunks["all"] += 1
            if chunks["all"] == 3:
                raise LinkLostError("Expected a phone to run a batch; the link was lost.")
            return finish(self)

        patch.setattr(places.LoadedPlace, "finish", losing)
        with pytest.raises(
            LinkLostError, match=r"the link was lost; \d+ of 60 images are kept: run the same"
        ):
            scored(bundle, tmp_path)
    before = scored(bundle, tmp_path)
    assert 10 < before["kept_images"] < IMAGES and before["images"] == IMAGES
    assert before["scores"] == before["pytorch_scores"]


def test_a_changed_bundle_is_noticed(bundle: Path, tmp_path: Path, computed: list[int]) -> None:
    assert groupnet("eval", bundle, "--limit", "4", "--keep", tmp_path)["images"] == 4
    other = Path(shutil.copytree(bundle, tmp_path.with_name("other.bundle")))
    manifest = (other / MANIFEST).read_text()
    (other / MANIFEST).write_text(manifest.replace('"seed": ', '"seed":  '))  # an altered byte will do
    assert (other / MANIFEST).read_text() != manifest
    for command, word in (
        (("eval", other, "--limit", "4"), "bundle"),
        (("eval", bundle, "--limit", "5"), "number of images"),
        (("eval", bundle, "--limit", "4", "--compare", "none"), "network in PyTorch"),
    ):
        error = groupnet(*command, "--keep", tmp_path, code=2)["error"]
        assert error["type"] == "EvaluationError" and f"the {word} has changed" in error["message"]
    assert sum(computed) == 4


def test_an_interrupted_run_of_another_bundle_is_started_anew(
    bundle: Path, tmp_path: Path, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --keep: the folder of the cache is the command's, whatever the bundle has become."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def interrupt(_text: str, done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_eval(load_bundle(bundle), EvalRequest(limit=9), "host", say=interrupt)
    (folder,) = (tmp_path / "groupnet" / "eval").iterdir()
    about = (folder / "about.json").read_text()
    (folder / "about.json").write_text(about.replace('"bundle": "', '"bundle": "0'))
    computed.clear()
    assert groupnet("eval", bundle, "--limit", "9")["kept_images"] == 0
    assert sum(computed) == 9
    assert not folder.exists()
