"""How a run was controlled, and what was seen meanwhile: what `bench --json` says of it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from android_runner.attempts import Attempt, best_attempt, measure_cool
from android_runner.throttling import Reading, Throttling, busy_cores, judge
from groupnet.running import Running

if TYPE_CHECKING:
    from android_runner.run_control import Conditions

Measured = TypeVar("Measured")


def measure_unthrottled(
    running: Running,
    threads: int,
    measure: Callable[[list[Reading]], tuple[Measured, float]],
    say: Callable[[str], None],
) -> list[Attempt[Measured]]:
    """Measure on a device that is cool, and again where it was throttled; see `measure_cool`."""
    pinned = running.conditions.pinned if running.conditions else ()

    def judged(readings: list[Reading]) -> Throttling:
        throttling = judge(readings, pinned or busy_cores(readings, threads), threads)
        if throttling.throttled:
            say(f"{running.device.name} was throttled: {', '.join(throttling.reasons)}")
        return throttling

    return measure_cool(measure, running.watch, lambda: running.cool_down(say), judged)


def describe_attempts(attempts: Sequence[Attempt[Any]]) -> dict[str, Any]:
    """What was seen while the attempt that counts was measured, and how all of them went."""
    chosen = best_attempt(attempts)
    state = chosen.state
    return {
        "throttling": asdict(chosen.throttling) if chosen.throttling else None,
        "temperature": None
        if state is None
        else {
            "battery_celsius": state.battery_celsius,
            "cpu_celsius": state.cpu_celsius,
            "cooled_s": state.cooled_s,
            "hot": state.hot,
        },
        "attempts": [
            {
                "p50_ms": attempt.p50_ms,
                "throttled": attempt.throttling is not None and attempt.throttling.throttled,
                "reasons": list(attempt.throttling.reasons) if attempt.throttling else [],
                "cooled_s": attempt.state.cooled_s if attempt.state else 0.0,
            }
            for attempt in attempts
        ],
    }


def describe_control(conditions: "Conditions | None") -> dict[str, Any] | None:
    """Cores and governors as the phone told them; None of the host."""
    if conditions is None:
        return None
    change = conditions.change
    return {
        "asked_cores": conditions.asked.cores,
        "cores": list(conditions.cores),
        "kinds": list(conditions.kinds),
        "governors": conditions.governors,
        "governor": None if change is None else {**asdict(change), "permitted": change.permitted},
    }


def notes_on_control(result: dict[str, Any]) -> list[str]:
    """What a reader of the times has to know of cores, governors and temperatures."""
    notes = []
    control = result.get("run_control")
    if control and control["asked_cores"]:
        notes.append(f"on cores {','.join(map(str, control['cores']))} ({', '.join(control['kinds'])})")
    change = control["governor"] if control else None
    if change:
        if not change["permitted"]:
            had = ", ".join(sorted(set(change["during"].values())))
            notes.append(f"the phone does not permit the governor {change['asked']}: {had}")
        if change["after"] != change["before"]:
            notes.append("the governor is not yet what it was: the next run on this phone puts it back")
    temperature = result.get("temperature")
    if temperature and temperature["hot"]:
        notes.append("measured hot: it did not cool down")
    if len(result.get("attempts", ())) > 1:
        notes.append(f"{len(result['attempts'])} attempts")
    return notes
