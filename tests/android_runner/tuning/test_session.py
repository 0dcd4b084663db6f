"""A session records everything, goes on where it ended, and lets only confirmed winners choose."""

from pathlib import Path

import pytest
from kernels_to_tune import TARGET, Invented, task

from android_runner.tuning.records import Conditions, Database, best_records
from android_runner.tuning.session import (
    CONFIRMING_ROUNDS,
    FINALISTS,
    FIRST_GUESSES,
    ROUNDS,
    KernelResult,
    Session,
)
from android_runner.tuning.worker import Answer, Job
from tvm_schedules.tuning.request import KernelTask

CONDITIONS = Conditions(core="haswell", cpu="a processor", threads=1, tvm="0", groupnet="0")
TASKS = [task(64, calls=2), task(128)]


def session(folder: Path, measurer: Invented, tasks: list[KernelTask] = TASKS) -> Session:
    return Session(tasks, TARGET, Database(folder), CONDITIONS, measurer)


def run(one: Session, trials: int) -> list[KernelResult]:
    return one.run(trials, None, lambda _search, _answer: None)


def trials_of(measurer: Invented) -> list[tuple[str, str]]:
    return [(str(j.request.shape), str(j.choice)) for j in measurer.jobs if j.rounds == ROUNDS]


def test_nothing_measured_is_measured_again(tmp_path: Path) -> None:
    first, second, third = Invented(), Invented(), Invented()
    run(session(tmp_path, first), 24)
    assert len(trials_of(first)) == 24
    run(session(tmp_path, second), 1000)
    assert not set(trials_of(first)) & set(trials_of(second))
    results = run(session(tmp_path, third), 1000)
    assert third.jobs == []
    assert all(result.tried == result.space - 1 for result in results)
    assert len(trials_of(first) + trials_of(second)) == sum(result.tried for result in results)


def test_winners_are_the_best_and_confirmed(tmp_path: Path) -> None:
    measurer = Invented()
    results = run(session(tmp_path, measurer), 1000)
    winners = best_records(Database(tmp_path).read("haswell"), threads=1)
    for result in results:
        assert result.winner == winners[result.task.key]
        # 7 pixels or more that no fault befalls, and bodies of 8.
        assert result.winner.ratio == pytest.approx(1.2 - 0.35 - 0.08)
        assert result.drift == 1.0
    confirming = [job for job in measurer.jobs if job.rounds == CONFIRMING_ROUNDS]
    assert len(confirming) == FINALISTS * len(TASKS)


def test_failures_are_recorded_with_their_reasons(tmp_path: Path) -> None:
    run(session(tmp_path, Invented()), 1000)
    failed = [one for one in Database(tmp_path).read("haswell") if one.outcome != "ok"]
    assert failed
    assert {(one.outcome, one.reason) for one in failed} == {("crashed", "invented")}


class Disappointing(Invented):
    """Fast at first, and no faster than the default when measured again."""

    def measure(self, job: Job) -> Answer:
        """Answer at once."""
        self.jobs.append(job)
        return Answer("ok", "", 0.5 if job.rounds == ROUNDS else 0.995, 1.0)


def test_a_winner_by_noise_leaves_the_default(tmp_path: Path) -> None:
    (result,) = run(session(tmp_path, Disappointing(), TASKS[:1]), 8)
    assert result.winner is not None
    assert result.winner.ratio == 1.0
    assert f"_{result.winner.choice}__" in result.task.request.build(TARGET).attrs["global_symbol"]


def test_time_that_is_up_ends_measuring(tmp_path: Path) -> None:
    measurer = Invented()
    results = session(tmp_path, measurer).run(100, 0.0, lambda _search, _answer: None)
    assert measurer.jobs == []
    assert [result.winner for result in results] == [None, None]


def test_other_threads_are_other_records(tmp_path: Path) -> None:
    run(session(tmp_path, Invented()), 1000)
    two = CONDITIONS.model_copy(update={"threads": 2})
    other = Session(TASKS, TARGET, Database(tmp_path), two, Invented())
    assert all(not search.tried for search in other.searches)


def test_emulated_records_are_other_records(tmp_path: Path) -> None:
    run(session(tmp_path, Invented()), 1000)
    emulated = CONDITIONS.model_copy(update={"emulated": True})
    other = Session(TASKS, TARGET, Database(tmp_path), emulated, Invented())
    assert all(not search.tried for search in other.searches)


def test_the_same_choices_are_measured_on_several_devices_at_once(tmp_path: Path) -> None:
    first, second = Invented(), Invented()
    run(session(tmp_path / "one", first), 16)
    several = Session(TASKS, TARGET, Database(tmp_path / "two"), CONDITIONS, second, parallel=3)
    run(several, 16)
    assert set(trials_of(first)) == set(trials_of(second))


def test_records_of_another_default_say_nothing(tmp_path: Path) -> None:
    run(session(tmp_path, Invented()), 8)
    old, new = Database(tmp_path), Database(tmp_path / "new")
    for one in old.read("haswell"):
        new.add(one.model_copy(update={"default": "t9x9v9u9"}))
    assert all(not search.tried for search in session(new.folder, Invented()).searches)


def test_an_interrupted_session_keeps_what_it_measured(tmp_path: Path) -> None:
    def interrupt(_search: object, _answer: object) -> None:
        if len(measurer.jobs) == 5:
            raise KeyboardInterrupt

    measurer = Invented()
    with pytest.raises(KeyboardInterrupt):
        session(tmp_path, measurer).run(100, None, interrupt)
    assert len(Database(tmp_path).read("haswell")) == 5
    assert sum(len(search.tried) for search in session(tmp_path, Invented()).searches) == 5


def test_records_of_another_kernel_say_what_to_try_first(tmp_path: Path) -> None:
    run(session(tmp_path, Invented(), TASKS[:1]), 1000)
    warm, cold = Invented(), Invented()
    run(session(tmp_path, warm, TASKS[1:]), FIRST_GUESSES)
    run(session(tmp_path / "new", cold, TASKS[1:]), FIRST_GUESSES)

    def best(measurer: Invented) -> float:
        answers = [Invented().measure(job) for job in measurer.jobs]
        return min(answer.seconds for answer in answers if answer.seconds is not None)

    assert best(warm) == pytest.approx(1.2 - 0.35 - 0.08)
    assert best(warm) <= best(cold)
