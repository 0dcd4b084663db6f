"""The regression gate: no layer executes more instructions than the checked-in baseline says."""

import json

import pytest

from benchmarks.count_instructions import CLASSES, Counts
from benchmarks.instructions import (
    BASELINE,
    CPUS,
    PEERS,
    count_layers,
    layer_rows,
    regressions,
    totals,
)
from benchmarks.layers import COUNTED_LAYERS


def _constant_counts(total):
    return Counts(dict.fromkeys(CLASSES, 0) | {"simd_fp": total})


def _all_layers(total):
    return {
        layer.name: {
            "pack": _constant_counts(total),
            "conv": _constant_counts(2 * total),
            "fused": _constant_counts(3 * total),
        }
        for layer in COUNTED_LAYERS
    }


@pytest.mark.phone
@pytest.mark.parametrize("cpu", CPUS)
def test_no_layer_executes_more_than_the_baseline(cpu):
    assert regressions(cpu, count_layers(cpu), json.loads(BASELINE.read_text())) == []


def test_the_baseline_holds_every_core_and_layer():
    baseline = json.loads(BASELINE.read_text())
    assert set(baseline) == set(CPUS)
    for layers in baseline.values():
        assert set(layers) == {layer.name for layer in COUNTED_LAYERS} == set(PEERS)


def test_a_count_above_the_tolerance_is_a_regression_and_one_within_is_not():
    baseline = totals({"core": _all_layers(100_000)})
    within = 100_499
    assert regressions("core", _all_layers(within), baseline) == []
    worse = _all_layers(100_000) | {
        "8x8x128": {"pack": _constant_counts(100_501), "conv": _constant_counts(1)}
    }
    (sentence,) = regressions("core", worse, baseline)
    assert sentence.startswith("core 8x8x128 pack: expected at most 100000 instructions; got 100501")
    assert "--update" in sentence


def test_rows_hold_packing_with_the_convolution_and_the_peers_beside():
    rows = layer_rows("core", _all_layers(73_728))
    ours, conv_alone, fused, *peers = rows[:5]
    assert (ours["name"], ours["per_m"], ours["channels"]) == ("16x16x64", 3.0, 64)
    assert (conv_alone["per_m"], conv_alone["instructions"]) == (2.0, 2 * 73_728)
    assert fused["per_m"] == 3.0
    assert {row["engine"]: row["per_m"] for row in peers} == PEERS["16x16x64"]
    assert {"benchmark", "name", "engine", "threads", "min_ms", "median_ms"} <= set(ours)
