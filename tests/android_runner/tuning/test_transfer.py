"""Records of any kernel, core and number of threads teach; one's own count most."""

from kernels_to_tune import task

from android_runner.tuning.records import Conditions, Record
from android_runner.tuning.transfer import OTHER_CONDITIONS, samples

HERE = Conditions(core="haswell", cpu="a processor", threads=1, tvm="0", groupnet="0")
KEY = task(64).key


def record(choice: str, **more: object) -> Record:
    given = {"key": KEY, "choice": choice, "default": "t1x2v1u2", "outcome": "ok", "conditions": HERE}
    return Record.model_validate(given | {"seconds": 0.5, "default_seconds": 1.0} | more)


def test_weights_tell_whose_times_they_are() -> None:
    elsewhere = [
        HERE.model_copy(update={"core": "cortex-a55"}),
        HERE.model_copy(update={"threads": 2}),
    ]
    own = record("t1x4v1u1", conditions=HERE.model_copy(update={"groupnet": "other"}))
    others = [record("t1x4v1u1", conditions=one) for one in elsewhere]
    learnt = list(samples([own, *others], HERE))
    measured = [one for one in learnt if one.ratio == 0.5]
    assert [one.weight for one in measured] == [1.0, OTHER_CONDITIONS, OTHER_CONDITIONS]


def test_a_default_is_a_sample_too_once() -> None:
    learnt = list(samples([record("t1x4v1u1"), record("t1x7v1u1", seconds=0.25)], HERE))
    assert [(str(one.choice), one.ratio) for one in learnt] == [
        ("t1x2v1u2", 1.0),
        ("t1x4v1u1", 0.5),
        ("t1x7v1u1", 0.25),
    ]


def test_what_says_nothing_is_left_out() -> None:
    records = [
        record("t1x4v1u1", outcome="crashed", seconds=None),
        record("t1x4v1u1", confirmed=True),
        record("t1x4v1u1", conditions=HERE.model_copy(update={"emulated": True})),
        record("nonsense"),
        record("t1x4v1u1", key="nonsense"),
        record("t1x4v1u1", default="nonsense"),
    ]
    assert list(samples(records, HERE)) == []
