"""Means, ranges and gaps, also of tables that are not complete."""

import io
import json

import pytest
from ablation_samples import sample_measurement, sample_runs
from rich.console import Console

from benchmarks.ablation_table import NOT_MEASURED, ablation_rows, ablation_table


def _found(runs, scores):
    return {
        run.name: sample_measurement(score)
        for run, score in zip(runs, scores, strict=True)
        if score is not None
    }


def test_means_ranges_and_gaps():
    runs = sample_runs(seeds=2)  # float, LBD with seed 0, then with seed 1
    twin, lbd = ablation_rows(runs, _found(runs, [0.9, 0.7, 0.8, 0.4]), "top1")
    assert (twin["name"], lbd["name"], lbd["bases"]) == ("float", "LBD", 3)
    assert (lbd["lowest"], lbd["highest"], lbd["seeds"]) == (0.4, 0.7, [0, 1])
    assert lbd["mean"] == pytest.approx(0.55)
    assert lbd["to_float"] == pytest.approx(-0.3) and twin["to_float"] == 0
    assert (lbd["parameters"], lbd["equivalent_macs"]) == (650, 200)
    json.dumps([twin, lbd])


def test_gaps_are_over_the_seeds_that_both_have():
    runs = sample_runs(seeds=2)
    _, lbd = ablation_rows(runs, _found(runs, [0.9, 0.7, None, 0.1]), "top1")
    assert lbd["to_float"] == pytest.approx(-0.2) and lbd["mean"] == pytest.approx(0.4)
    _, lbd = ablation_rows(runs, _found(runs, [None, 0.7, 0.9, None]), "top1")
    assert lbd["to_float"] is None


def test_threads_are_said_where_all_runs_had_as_many():
    first, second = sample_runs(seeds=2, only=["LBD"])
    one, two = sample_measurement(threads=1), sample_measurement(threads=2)
    assert ablation_rows([first, second], {first.name: one, second.name: one}, "top1")[0]["threads"] == 1
    assert ablation_rows([first, second], {first.name: one, second.name: two}, "top1")[0]["threads"] is None


def test_what_is_not_measured_has_its_row():
    runs = sample_runs(seeds=2)
    rows = ablation_rows(runs, _found(runs, [0.9, None, 0.8, None]), "top1")
    lbd = rows[1]
    assert lbd["seeds"] == [] and lbd["mean"] is None and lbd["parameters"] is None
    text = _printed(ablation_table(rows, "title", "top-1", 2))
    assert NOT_MEASURED in text and "0 of 2" in text
    assert "85.0" in text and "80.0 to 90.0" in text and "+0.0" in text


def _printed(table):
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()
