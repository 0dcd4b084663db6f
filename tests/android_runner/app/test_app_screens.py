"""The app's screens and what people do with them, by the APK's own DEX on the JVM."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from phone_user import PhoneUser
from real_program import emulated

from android_runner.app.executable import check_executable
from groupnet.app_record import read_results
from groupnet.native import build_executable

KEEP_SCREEN_ON = 128
pytestmark = pytest.mark.timeout(900)  # the first one waits for compilers
Program = Callable[..., Path]
StartUser = Callable[..., PhoneUser]


def record_of(user: PhoneUser) -> dict[str, Any]:
    """The one record that is kept."""
    (path,) = user.records.glob("*.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_a_measurement_from_the_first_tap_to_the_history(program: Program, start_user: StartUser) -> None:
    user = start_user(program())
    user.do("launch")
    assert user.sees("Cortex-A55").endswith(" Cortex-A55 (little)")
    assert {"Emulated Phone", "Emulated EP-2", "14 (API 34)", "neon, dotprod", "27.4 °C", "41.2 °C"} < set(
        user.texts()
    )
    assert user.do("unlabelled") == []
    user.taps("Models")
    assert "Does not run here: needs SVE, which this processor lacks" in user.texts()
    assert user.taps("shapes-bpac-k5") == "tapped"
    assert user.do("unlabelled") == []
    user.taps("Cores: Big")
    user.taps("Threads: 2")
    assert user.taps("Measure 2 of 4") == "tapped"
    user.sees("See the results")
    assert user.do("unlabelled") == []
    user.taps("See the results")
    texts = user.texts()
    assert {"digits-k3", "1.30", "1.35", "1.40", "1 of 8 objects found, false boxes: 3"} < set(texts)
    plain = {text.replace("\u00d7", "x") for text in texts}
    assert {"binary 3x3, 4x4x64 → 128", "pack, 8x8x32", "fused_max_pool2d_multiply_add"} < plain
    assert not any("mean IoU" in text for text in texts)
    assert user.do("unlabelled") == []
    user.taps("History")
    assert "models: 2 · fastest: 1.35 ms" in user.texts()
    user.taps("Open the results of")
    assert "Latency in ms" in user.texts()
    record = record_of(user)
    assert [result["model"] for result in record["results"]] == ["digits-k3", "shapes-fcos-k5"]
    assert record["phone"]["name"] == "Emulated Phone" and record["phone"]["battery_celsius"] == 27.4
    assert not record["background"] and not record["failures"]


def test_scores_of_the_test_pictures(program: Program, start_user: StartUser) -> None:
    user = start_user(program())
    user.measures()
    user.sees("See the results")
    digits, boxes, masks = record_of(user)["test_sets"]
    # The program says 3 of every digit, one and the same box of every scene, and background of every pixel.
    assert (digits["right"], digits["images"]) == (3, 12)
    assert (boxes["objects"], boxes["found"], boxes["extra"]) == (8, 1, 3)
    assert 0.05 < masks["mean_iou"] < 0.2


def test_a_turned_phone_keeps_the_screen_the_choice_and_the_run(
    program: Program, start_user: StartUser
) -> None:
    path = program("pauses")
    user = start_user(path)
    user.do("launch")
    user.taps("Models")
    user.sees("Tap to choose")
    user.taps("shapes-fcos-k5")
    user.taps("shapes-bpac-k5")
    user.do("turn")
    assert "Measure 1 of 4" in user.texts()
    user.taps("Measure 1 of 4")
    user.sees("Run 2 of 30")
    assert user.do("flags") & KEEP_SCREEN_ON
    user.do("turn")
    assert "Run 2 of 30" in user.texts()
    (path.parent / "pause").unlink()
    user.sees("See the results")
    assert not user.do("flags") & KEEP_SCREEN_ON
    assert not record_of(user)["background"]


def test_a_run_goes_on_in_the_background_and_says_so(program: Program, start_user: StartUser) -> None:
    path = program("pauses")
    user = start_user(path)
    user.measures()
    user.sees("Run 2 of 30")
    user.do("leave")
    (path.parent / "pause").unlink()
    user.do("pass", 300)
    user.do("return")
    user.sees("The app was in the background")
    user.sees("See the results")
    assert record_of(user)["background"]


def test_stop_ends_the_program_and_keeps_nothing_half_done(program: Program, start_user: StartUser) -> None:
    user = start_user(program("pauses"))
    user.measures()
    user.sees("Run 2 of 30")
    user.taps("Stop")
    user.sees("Stopped. What was measured before is kept.")
    assert not list(user.records.glob("*"))
    assert user.taps("Choose models") == "tapped"
    assert user.taps("Measure") == "tapped"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("error", "digits-k3: expected PyTorch's numbers; got others"),
        ("crash", "digits-k3: The benchmark program ended with code 134 and no message."),
        ("silent", "digits-k3: The benchmark program ended without a result."),
        ("garbage", "digits-k3: Expected a line of JSON from the benchmark program; got “<html>”."),
        ("no-latency", "digits-k3: The benchmark program\u2019s answer is not what this app expects"),
    ],
)
def test_a_failing_program_is_told_of(program: Program, start_user: StartUser, mode: str, said: str) -> None:
    user = start_user(program(mode))
    user.measures()
    user.sees(said)
    user.sees("Choose models")
    assert "See the results" not in user.texts()
    assert not list(user.records.glob("*"))


def test_malformed_pictures_cost_the_pictures_and_not_the_times(
    program: Program, start_user: StartUser
) -> None:
    user = start_user(program("bad-mask"))
    user.measures()
    user.sees("a mask of more pixels than the picture has")
    user.sees("See the results")
    record = record_of(user)
    assert len(record["results"]) == 3 and len(record["test_sets"]) == 2
    assert [failure["model"] for failure in record["failures"]] == ["shapes-bpac-k5"]


def test_a_program_that_cannot_be_started_and_one_that_can_again(
    program: Program, start_user: StartUser
) -> None:
    path = program()
    path.chmod(0o644)
    user = start_user(path)
    user.do("launch")
    user.sees("The benchmark program could not be started")
    user.taps("Models")
    path.chmod(0o755)
    user.taps("Try again")
    user.sees("Tap to choose")


def test_a_full_disk_shows_the_result_and_says_that_it_is_not_kept(
    program: Program, start_user: StartUser
) -> None:
    user = start_user(program())
    user.records.mkdir(parents=True)
    # Writing here fails as on a full disk, because it is one.
    (user.records / "unfinished.part").symlink_to("/dev/full")
    user.measures()
    said = user.sees("could not be kept")
    assert "No space left" in said
    user.taps("See the results")
    assert "1.35" in user.texts()
    assert not list(user.records.glob("*.json"))


def test_throttling_is_warned_of_while_running_and_in_the_results(
    program: Program, start_user: StartUser
) -> None:
    user = start_user(program("hot"))
    user.measures()
    warning = "Throttled: core 4 was allowed 1.2 of 2.4 GHz"
    user.sees(warning)
    user.sees("See the results")
    user.taps("See the results")
    assert f"{warning} (digits-k3, shapes-fcos-k5, shapes-bpac-k5)" in user.texts()


def test_a_record_is_shared_and_saved_as_json(
    program: Program, start_user: StartUser, tmp_path: Path
) -> None:
    user = start_user(program())
    user.measures()
    user.sees("See the results")
    user.taps("See the results")
    user.taps("Share")
    user.taps("Save as JSON")
    shared, saving = user.do("sent")
    assert shared["action"] == "android.intent.action.SEND" and shared["type"] == "text/plain"
    assert json.loads(shared["texts"]["android.intent.extra.TEXT"]) == record_of(user)
    assert (
        saving["action"] == "android.intent.action.CREATE_DOCUMENT" and saving["type"] == "application/json"
    )
    user.do("chosen", str(tmp_path / "saved.json"))
    assert "Saved." in user.texts()
    assert json.loads((tmp_path / "saved.json").read_text(encoding="utf-8")) == record_of(user)
    user.do("chosen", "/dev/full")
    assert any(text.startswith("Could not be saved: ") for text in user.texts())


def test_records_of_others_do_not_spoil_the_history(program: Program, start_user: StartUser) -> None:
    user = start_user(program())
    user.records.mkdir(parents=True)
    (user.records / "20200101T000000Z.json").write_text('{"kind": "something else", "schema": 1}')
    (user.records / "20210101T000000Z.json").write_text("{")
    user.do("launch")
    user.taps("History")
    assert sum("cannot be read" in text for text in user.texts()) == 2
    user.taps("Results")
    assert "No results yet." in user.texts()


def test_the_oldest_android_is_asked_nothing_that_it_lacks(program: Program, start_user: StartUser) -> None:
    user = start_user(program(), "-Dphone.api=24")
    user.do("battery", None)
    user.do("launch")
    user.sees("Cortex-A55")
    texts = user.texts()
    assert {"qcom", "7.0 (API 24)", "not available"} < set(texts) and "Thermal state" not in texts


def test_back_goes_home_before_it_leaves(program: Program, start_user: StartUser) -> None:
    user = start_user(program())
    user.do("launch")
    user.taps("History")
    assert user.do("back") is False
    assert "This phone" in user.texts()
    assert user.do("back") is True


def test_every_screen_is_drawn_by_day_by_night_and_in_big_type(
    program: Program, start_user: StartUser, tmp_path: Path
) -> None:
    user = start_user(program())
    user.measures()
    user.sees("See the results")
    heights = {}
    for screen in ("Device", "Models", "Run", "Results", "History"):
        user.taps(screen)
        width, heights[screen] = user.do("picture", str(tmp_path / f"{screen}.png"), True)
        assert width == 412
    user.taps("Results")
    user.do("turn")
    width, height = user.do("picture", str(tmp_path / "wide.png"), True)
    # What is shown does not grow with a wide screen beyond what is good to look at.
    assert width == 892 and height < 1.6 * heights["Results"]
    user.do("turn")
    user.do("font", 1.5)
    user.taps("Models")
    assert user.do("picture", str(tmp_path / "big.png"), True)[1] > 1.15 * heights["Models"]
    user.do("font", 1.0)
    user.do("night", True)
    # Android makes an activity anew when night comes.
    user.do("kill")
    user.do("picture", str(tmp_path / "night.png"), False)
    day, night = (mean_brightness(tmp_path / name) for name in ("Device.png", "night.png"))
    assert day > 200 and night < 60


@pytest.mark.parametrize("size", [1.0, 1.5, 2.0])
def test_no_text_is_cut_off_or_runs_into_another(
    program: Program, start_user: StartUser, size: float
) -> None:
    user = start_user(program("crowded"))
    user.do("font", size)
    user.measures()
    user.sees("See the results")
    for _ in range(2):
        for screen in ("Device", "Models", "Run", "Results", "History"):
            user.taps(screen)
            assert user.do("misplaced") == [], screen
        user.do("turn")
    user.taps("Results")
    # What boxes are is said even of those whose names find no place.
    assert any("crescent, 2 \u00d7 cross, drop" in text for text in user.texts())


def test_the_way_to_measure_is_always_in_sight(program: Program, start_user: StartUser) -> None:
    user = start_user(program())
    user.do("launch")
    user.taps("Models")
    user.sees("Tap to choose")
    for size in (1.0, 2.0):
        user.do("font", size)
        for _ in range(2):
            left, top, right, bottom = user.do("place", "Measure")
            width, height = user.do("screen")
            assert 0 <= left < right <= width and 0 <= top < bottom < height
            user.do("turn")


def test_times_are_by_the_clock_of_the_phones_user(program: Program, start_user: StartUser) -> None:
    user = start_user(program(), "-Duser.timezone=Asia/Kolkata")
    user.measures()
    user.sees("See the results")
    user.taps("History")
    record = record_of(user)
    utc = datetime.strptime(record["time"], "%Y-%m-%dT%H:%M:%SZ")
    there = utc + timedelta(hours=5, minutes=30)
    (heading,) = (text for text in user.texts() if str(there.year) in text)
    assert f"{there.day}" in heading and f":{there.minute:02}" in heading


@pytest.mark.phone
def test_the_real_program_with_a_network_of_the_zoo(start_user: StartUser, tmp_path: Path) -> None:
    if shutil.which("qemu-aarch64-static") is None or shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("arm64 programs need qemu-user-static and g++-aarch64-linux-gnu: run `make setup`")
    build_executable(["digits-k3"], "arm64", tmp_path / "groupnet_bench", libc="glibc", say=lambda _: None)
    check_executable(tmp_path / "groupnet_bench")
    user = start_user(emulated(tmp_path / "groupnet_bench", tmp_path))
    user.do("launch")
    assert user.sees("Cortex-A76").endswith("Cortex-A76 (big)")
    user.taps("Models")
    user.taps("Measure 1 of 1")
    user.sees("See the results", seconds=200)
    record = record_of(user)
    (result,) = record["results"]
    assert result["check"]["ok"] and len(result["latency_ms"]["samples"]) == 30 and not record["failures"]
    assert record["test_sets"][0]["right"] >= 11
    (timed,), (scored,) = read_results(next(user.records.glob("*.json")))
    assert (timed.model, timed.runtime, timed.runs) == ("digits-k3", "app", 30)
    assert scored.score.endswith(" of 12 right")


def mean_brightness(path: Path) -> float:
    from PIL import Image, ImageStat

    with Image.open(path) as image:
        return float(ImageStat.Stat(image.convert("L")).mean[0])
