"""What fails in MetaSchedule's processes is said and done once more; what fails again keeps its reason."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tvm.s_tir.meta_schedule.runner import RunnerInput, RunnerResult

from benchmarks import stock_processes
from benchmarks.errors import BenchmarkError
from benchmarks.stock_processes import PatientRunner, _twice

FAILED = SimpleNamespace(error_msg="LocalBuilder: an exception\nTimeout, killed\n")


def built(path: str) -> SimpleNamespace:
    return SimpleNamespace(artifact_path=path, error_msg=None)


def test_what_failed_is_done_once_more_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    given: list[list[str]] = []
    answers = [[built("a"), FAILED, built("c"), FAILED], [built("b"), FAILED]]

    def work(inputs: list[str]) -> list[Any]:
        given.append(inputs)
        return answers[len(given) - 1]

    results = _twice(work, ["a", "b", "c", "d"], "built")
    assert given == [["a", "b", "c", "d"], ["b", "d"]]
    assert results == [built("a"), built("b"), built("c"), FAILED]
    assert capsys.readouterr().err == "2 of 4 were not built (Timeout, killed): once more\n"


def test_what_succeeds_is_done_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert _twice(lambda inputs: [built(one) for one in inputs], ["a"], "built") == [built("a")]
    assert capsys.readouterr().err == ""


class FlakyRunner:
    """Fails the first time."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        self.runs += 1
        seconds, error = ([0.5], None) if self.runs > 1 else (None, "too slow")
        result = RunnerResult(seconds, error)
        return [SimpleNamespace(result=lambda: result) for _ in inputs]


def test_metaschedule_gets_times_that_were_there_at_the_second_try(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    runner = PatientRunner(FlakyRunner(), said.append)
    (future,) = runner.run([RunnerInput("module.tar", "cpu", [])])
    assert future.done()
    assert [float(one) for one in future.result().run_secs] == [0.5]
    assert said == ["MetaSchedule times 1 candidates"]
    assert "1 of 1 were not timed (too slow)" in capsys.readouterr().err


def test_a_process_that_ends_is_started_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Exception | float] = [ChildProcessError("Subprocess terminated"), 27.0]

    def started() -> float:
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return float(end)

    monkeypatch.setattr(stock_processes, "_started_s", started)
    assert stock_processes.building_process_start_s() == 27.0
    ends += [ChildProcessError(), ChildProcessError()]
    with pytest.raises(BenchmarkError, match="two that ended"):
        stock_processes.building_process_start_s()
