"""The page of tuning records: complete, self-contained, and safe whatever a reason says."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from android_runner.tuning.records import Conditions, Database, Record
from groupnet import cli
from groupnet.svg_charts import Convergence, convergence_chart, gain_bars
from groupnet.tune_report import PAGE
from groupnet.tuning_ceilings import FILE, Peak, Peaks
from groupnet.tuning_history import place_histories

HERE = Conditions(core="znver4", cpu="a processor", threads=1, tvm="0", groupnet="0")
GEOMETRY = "nhwc_n1h14w14c64o64k3x3s1x1p1x1d1x1b1x1relu1add0m1__avx512_vpopcntdq"
KEY, PACKING = f"binary_conv2d_b1b1f32_{GEOMETRY}", f"binary_conv2d_b1b1b1_{GEOMETRY}"


def record(choice: str, ratio: float | None = 0.9, **more: object) -> Record:
    given: dict[str, Any] = {"key": KEY, "choice": choice, "default": "t1x8v2u2", "conditions": HERE}
    if ratio is None:
        given |= {"outcome": "crashed", "reason": "<b>SIGSEGV</b>"}
    else:
        given |= {"outcome": "ok", "seconds": ratio * 1e-4, "default_seconds": 1e-4}
    return Record.model_validate(given | more)


RECORDS = [
    record("t1x2v2u2", 1.1),
    record("t1x4v2u2", None),
    record("t1x7v2u2", 0.8, default_seconds=2e-4, seconds=1.6e-4),
    record("t1x7v2u2", 0.85, confirmed=True),
    record("t1x1v2u2", 1.2, key=PACKING),
    record("t1x2v4u4", 0.5, conditions=HERE.model_copy(update={"core": "cortex-a76", "emulated": True})),
]


def test_a_history_is_told_in_order() -> None:
    real, emulated = place_histories(RECORDS)
    assert (real.core, real.emulated, real.trials, len(real.failures)) == ("znver4", False, 4, 1)
    assert (emulated.core, emulated.emulated) == ("cortex-a76", True)
    first, second = real.kernels
    assert first.best == (1.0, 1.0, 0.8)
    assert first.gain == pytest.approx(0.15)
    assert first.drift == pytest.approx(2.0)
    assert first.default_seconds == 1e-4
    assert (second.gain, second.best, second.winner) == (None, (1.0,), None)


def test_trials_against_an_earlier_default_are_another_story() -> None:
    old = record("t1x2v2u2", 0.1, default="t9x9v9u9")
    ((kernel,),) = (place.kernels for place in place_histories([old, record("t1x4v2u2", 0.9)]))
    assert kernel.best == (0.9,)


class Page(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and the addresses in it."""
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def write(folder: Path, *extra: str) -> tuple[dict[str, Any], str, Page]:
    out = folder / "pages" / "page.html"
    done = CliRunner().invoke(cli.app, ["tune", "report", str(folder / "db"), "--out", str(out), *extra])
    assert done.exit_code == 0, done.stderr
    page = Page()
    page.feed(out.read_text(encoding="utf-8"))
    return json.loads(done.stdout), done.stderr, page


def test_the_page_says_everything_and_loads_nothing(tmp_path: Path) -> None:
    for one in RECORDS:
        Database(tmp_path / "db").add(one)
    with (tmp_path / "db" / "znver4.jsonl").open("a") as file:
        file.write("torn")
    Peaks(tmp_path / "db").add(Peak(core="znver4", threads=1, binary_macs_s=1e12, float_macs_s=1e11))
    result, said, page = write(tmp_path, "--json")
    assert [place["core"] for place in result["places"]] == ["znver4", "cortex-a76"]
    assert "znver4.jsonl:6" in said
    assert page.loads == []
    assert not {"script", "link", "img"} & set(page.tags)
    assert "http" not in page.text
    for told in ("emulated", "binary 3x3, 14x14x64", "a processor", "<b>SIGSEGV</b>", "15.0 %", "1 crashed"):
        assert told in page.text
    # 7.2 million products in 85 microseconds, of 10^12 a second.
    assert "8.5 %" in page.text
    assert page.tags.count("svg") == 4


def test_the_page_lies_beside_the_records_where_nothing_else_is_said(tmp_path: Path) -> None:
    Database(tmp_path).add(RECORDS[0])
    for _ in range(2):
        done = CliRunner().invoke(cli.app, ["tune", "report", str(tmp_path)])
        assert (done.exit_code, done.stdout) == (0, f"{tmp_path / PAGE}: 1 records\n")
    assert "binary 3x3, 14x14x64" in (tmp_path / PAGE).read_text(encoding="utf-8")


def test_without_times_there_is_no_page(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    counts = {"obtained": "counted", "instructions": 1, "seconds": None, "default_seconds": None}
    for kept in ([], [record("t1x2v2u2", **counts)]):
        Database(folder).add_new(kept)
        done = CliRunner().invoke(cli.app, ["tune", "report", str(folder), "--json"])
        assert done.exit_code == 2
        assert "`groupnet tune` makes them" in json.loads(done.stdout)["error"]["message"]
        assert not (folder / PAGE).exists()


def test_charts_stay_within_their_frame() -> None:
    drawn = convergence_chart(Convergence([None, 7.0, 0.5], [1.0, 1.0, 0.5], 0.5))
    assert drawn.count('class="failed"') == 1
    assert drawn.count('class="trial"') == 2
    assert 'class="confirmed"' in drawn
    assert "700" not in drawn
    assert 'class="confirmed"' not in convergence_chart(Convergence([], [], None))
    assert 'width="0.0"' in gain_bars([("kept", 0.0)])
    assert "&lt;" in gain_bars([("<", 0.1)])


def test_the_largest_peak_is_kept(tmp_path: Path) -> None:
    peaks = Peaks(tmp_path / "db")
    first = Peak(core="znver4", threads=1, binary_macs_s=2.0, float_macs_s=1.0)
    assert peaks.find("znver4", 1) is None
    assert peaks.add(first) == first
    kept = peaks.add(first.model_copy(update={"binary_macs_s": 1.0, "float_macs_s": 3.0}))
    assert (kept.binary_macs_s, kept.float_macs_s) == (2.0, 3.0)
    peaks.add(first.model_copy(update={"threads": 2}))
    assert peaks.find("znver4", 1) == kept
    assert len(peaks.read()) == 2
    (tmp_path / "db" / FILE).write_text("torn")
    assert peaks.read() == ()
