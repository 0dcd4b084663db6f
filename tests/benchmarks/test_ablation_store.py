"""Results come back as they were written, and damaged or foreign ones are refused."""

import json

import pytest
from ablation_samples import sample_measurement, sample_runs

from benchmarks.ablation_store import Store
from benchmarks.errors import BenchmarkError


def test_a_result_is_found_again_by_its_own_run(tmp_path):
    store, (first, second) = Store(tmp_path), sample_runs(seeds=1)
    assert store.find(first) is None
    store.write(first, sample_measurement())
    assert store.find(first) == sample_measurement()
    assert store.find(second) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"{first.name}.json"]


def test_a_result_says_what_it_is(tmp_path):
    store, run = Store(tmp_path), sample_runs(seeds=1)[1]
    store.write(run, sample_measurement())
    values = json.loads(store.result(run).read_text())
    assert (values["study"], values["variant"], values["bases"], values["seed"]) == (
        "classification",
        "LBD",
        3,
        0,
    )
    assert values["settings"]["network"]["group"] == "layer"


def test_a_run_has_one_trainer(tmp_path):
    store, (first, second) = Store(tmp_path), sample_runs(seeds=1)
    with store.claim(first) as ours, store.claim(first) as again, store.claim(second) as other:
        assert ours and not again and other
        assert store.holder(first).isdecimal()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: "{", "remove it"),
        (lambda _: "[]", "another kind"),
        (lambda text: text.replace("groupnet-ablation-1", "groupnet-ablation-0"), "another kind"),
        (lambda text: text.replace('"batch_size": 64', '"batch_size": 65'), "other settings"),
        (lambda text: text.replace('"top1": 0.5', '"top1": "high"'), "high"),
        (lambda text: text.replace('"seconds"', '"hours"'), "seconds"),
        (lambda text: text.replace('"float_macs"', '"macs"'), "macs"),
    ],
)
def test_a_damaged_result_is_refused(tmp_path, change, message):
    store, run = Store(tmp_path), sample_runs(seeds=1)[0]
    store.write(run, sample_measurement())
    path = store.result(run)
    path.write_text(change(path.read_text()))
    with pytest.raises(BenchmarkError, match=message):
        store.find(run)
