"""Engines are measured in turns, and the warming round is not counted."""

from benchmarks.interleave import interleave


def test_turns_and_statistics():
    calls = []

    def engine(name, base):
        def measure():
            calls.append(name)
            return [base + len(calls), base + len(calls) + 1.0]

        return measure

    samples = interleave({"a": engine("a", 0.0), "b": engine("b", 100.0)}, rounds=2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert samples["a"].values == (3.0, 4.0, 5.0, 6.0)
    assert (samples["a"].min_ms, samples["a"].median_ms) == (3.0, 4.5)
    assert samples["b"].min_ms == 104.0
