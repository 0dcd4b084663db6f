"""Whether a phone was throttled, by clocks and temperatures over time."""

import pytest

from android_runner.throttling import Clock, Reading, Throttling, busy_cores, judge, parse_reading

MAX = 2_800_000


def series(
    now: list[int] | None = None, limit: list[int] | None = None, celsius: list[float | None] | None = None
) -> list[Reading]:
    """Readings of core 7 in kHz and degrees; what is not given stays as it should."""
    count = len(now or limit or celsius or [])
    now, limit, celsius = now or [MAX] * count, limit or [MAX] * count, celsius or [50.0] * count
    return [
        Reading({0: Clock(300_000, 300_000, 1_800_000), 7: Clock(clock, allowed, MAX)}, degrees)
        for clock, allowed, degrees in zip(now, limit, celsius, strict=True)
    ]


IDLE = 500_000


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ([], None),
        (series(now=[IDLE] + [MAX] * 9), None),
        # The governor takes a moment to go up, and a reading may fall into a moment of rest.
        (series(now=[IDLE, IDLE, MAX, MAX, MAX, MAX, MAX, MAX, IDLE, MAX]), None),
        (series(now=[IDLE] + [MAX] * 4 + [2_000_000] * 5), "core 7 fell from 2.80 to 2.00 GHz"),
        (series(now=[IDLE] + [MAX] * 6 + [2_600_000] * 3), "core 7 fell from 2.80 to 2.60 GHz"),
        (series(now=[IDLE] + [MAX] * 6 + [2_750_000] * 3), None),
        # Too few to tell a fall from a moment of rest.
        (series(now=[IDLE, MAX, MAX, 2_000_000, 2_000_000]), None),
        (series(limit=[MAX, MAX, 2_200_000, MAX]), "core 7 was allowed 2.20 of 2.80 GHz during the run"),
        (series(limit=[2_200_000, 2_200_000]), "core 7 was allowed 2.20 of 2.80 GHz from the start"),
        (series(limit=[MAX, 2_750_000]), None),
        (series(celsius=[45.0, 89.9, None]), None),
        (series(celsius=[45.0, 95.0, 80.0]), "the processor reached 95 °C"),
        (series(celsius=[None, None]), None),
    ],
)
def test_throttling(readings: list[Reading], reason: str | None) -> None:
    reasons = () if reason is None else (reason,)
    assert judge(readings, [7]) == Throttling(reason is not None, reasons, len(readings))


def test_only_the_cores_in_use_matter() -> None:
    readings = series(limit=[MAX, MAX])
    assert not judge(readings, [7]).throttled
    assert judge(readings, [0, 7]).reasons == ("core 0 was allowed 0.30 of 1.80 GHz from the start",)
    assert judge(readings, [5]) == Throttling(False, (), 2)


def test_a_core_that_its_thread_has_left_is_not_throttled() -> None:
    def both(fifth: list[int], sixth: list[int]) -> list[Reading]:
        pairs = zip(fifth, sixth, strict=True)
        return [Reading({5: Clock(a, MAX, MAX), 6: Clock(b, MAX, MAX)}, None) for a, b in pairs]

    wandering = both([IDLE] + [MAX] * 5 + [IDLE] * 5, [IDLE] * 6 + [MAX] * 5)
    assert not judge(wandering, [5, 6], threads=1).throttled
    assert judge(wandering, [5, 6], threads=2).reasons == ("core 5 fell from 2.80 to 0.50 GHz",)
    falling = both([IDLE] + [MAX] * 5 + [IDLE] * 5, [IDLE] * 6 + [2_000_000] * 5)
    assert judge(falling, [5, 6], threads=1).reasons == ("the busy cores fell from 2.80 to 2.00 GHz",)
    capped = [Reading({5: Clock(MAX, MAX, MAX), 6: Clock(MAX, 2_000_000, MAX)}, None)] * 9
    assert judge(capped, [5, 6], threads=1).reasons == ("core 6 was allowed 2.00 of 2.80 GHz from the start",)


def test_each_reason_is_told_once_for_a_core() -> None:
    readings = series(now=[IDLE] + [MAX] * 4 + [2_000_000] * 5, limit=[MAX] * 5 + [2_000_000] * 5)
    assert judge(readings, [7]).reasons == ("core 7 was allowed 2.00 of 2.80 GHz during the run",)


def test_the_fastest_cores_are_busy() -> None:
    clocks = {core: Clock(1, 1, khz) for core, khz in ((0, 18), (4, 24), (5, 24), (7, 28))}
    readings = [Reading(clocks, None)]
    assert [busy_cores(readings, threads) for threads in (1, 2, 9)] == [[7], [7, 4], [7, 4, 5, 0]]
    assert busy_cores([], 1) == []


def test_a_reading_is_what_the_phone_says() -> None:
    said = "clock 0 1804800 1804800 1804800\nclock 4 \nclock 7 998400 2265600 2841600\nzone cpu-1-7 71500\n"
    assert parse_reading(said) == Reading(
        {0: Clock(1_804_800, 1_804_800, 1_804_800), 7: Clock(998_400, 2_265_600, 2_841_600)}, 71.5
    )
    assert parse_reading("") == Reading({}, None)
