"""What is shown while kernels are tuned, on a terminal and elsewhere."""

from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from android_runner.tuning.device_state import DeviceState
from android_runner.tuning.worker import Answer
from groupnet import tuning_progress as module
from groupnet.tuning_ceilings import Peak
from groupnet.tuning_progress import Limits, TuningView, clock, state_text, tuning_progress

PEAK = Peak(core="znver4", threads=1, binary_macs_s=1e12, float_macs_s=1e11)
OK = Answer("ok", "", 0.8e-4, 1e-4)
FAILED = Answer("crashed", "the process ended with SIGSEGV")


def search(channels: int, calls: int = 1, tried: int = 0, ratio: float = 1.0, seconds: float = 0.0) -> Any:
    """What is known of a kernel, as far as it is shown."""
    key = f"binary_conv2d_b1b1f32_nhwc_n1h14w14c{channels}o{channels}k3x3s1x1p1x1d1x1b1x1relu1add0m1__avx2"
    return SimpleNamespace(
        task=SimpleNamespace(key=key, calls=calls),
        tried=set(range(tried)),
        space=list(range(17)),
        best_ratio=ratio,
        default_seconds=seconds,
    )


def drawn(view: TuningView, height: int = 40) -> str:
    console = Console(file=StringIO(), force_terminal=False, width=140, height=height)
    with console.capture() as captured:
        console.print(view.render(console))
    return captured.get()


def test_a_row_says_what_is_known() -> None:
    known, new = search(64, calls=3, tried=8, ratio=0.8, seconds=1e-4), search(128)
    view = TuningView([known, new], Limits(16), "a processor", PEAK)
    view.take(known, OK)
    view.take(known, FAILED)
    # 7.2 million products in 80 microseconds, of 10^12 a second.
    assert view.cells(known) == (
        ">",
        "binary 3x3, 14x14x64",
        "3",
        "8",
        "16",
        "80.0",
        "1.250",
        "9 %",
        "1",
    )
    assert view.cells(new) == ("", "binary 3x3, 14x14x128", "1", "0", "16", "", "", "", "")
    text = drawn(view)
    assert "2 of 16" in text
    assert "a processor; load" in text


def test_what_does_not_fit_is_counted_and_the_current_kernel_always_shown() -> None:
    searches = [search(32 * number, tried=1, seconds=number * 1e-5) for number in range(1, 21)]
    view = TuningView(searches, Limits(100), "a processor", None)
    view.take(searches[0], OK)
    text = drawn(view, height=14)
    assert "and 15 kernels more" in text
    assert "14x14x32 " in text
    assert "14x14x640 " in text
    assert "14x14x64 " not in text


def test_lines_are_for_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(module, "note", said.append)
    monkeypatch.setattr(module, "STDERR", Console(file=StringIO(), force_terminal=False))
    known = search(64, ratio=0.8)
    with tuning_progress(TuningView([known], Limits(2), "a processor", None)) as tell:
        tell(known, OK)
        tell(known, FAILED)
    assert said == [
        "1 of 2: binary 3x3, 14x14x64: best 0.800 of the default",
        "2 of 2: binary 3x3, 14x14x64: best 0.800 of the default; crashed: the process ended with SIGSEGV",
    ]


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    terminal = Console(file=screen, force_terminal=True, width=140, height=40)
    monkeypatch.setattr(module, "STDERR", terminal)
    known = search(64, tried=1, ratio=0.8, seconds=1e-4)
    with tuning_progress(TuningView([known], Limits(2, 60.0), "a processor", PEAK)) as tell:
        tell(known, OK)
    assert "1.250" in screen.getvalue()


def test_phones_say_how_they_are() -> None:
    known = search(64)
    view = TuningView([known], Limits(9), "Cortex-A76", None)
    state = DeviceState(phone="12ab", governor="schedutil", cpu_celsius=61.4, cooled_s=5.0, hot=True)
    view.take(known, Answer("ok", "", 1.0, 1.0, state))
    expected = "phone 12ab, processor 61 °C, governor schedutil, cooled down for 5 s, hot"
    assert state_text(state) == expected
    assert view.state() == f"Cortex-A76; {expected}"


def test_time_left_is_by_pace_and_within_the_limit() -> None:
    view = TuningView([search(64)], Limits(10, 30.0), "a processor", None, done=5)
    view.began -= 20.0
    assert view.seconds_left() == pytest.approx(10.0, abs=0.5)
    view.limits = Limits(10)
    assert view.seconds_left() == pytest.approx(20.0, abs=0.5)
    assert (clock(59.6), clock(3601)) == ("1:00", "1:00:01")
