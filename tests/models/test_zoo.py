"""Every trained network that ships is what its entry says, and scores what its checkpoint promises."""

import pytest

from models.checkpoint import load_checkpoint
from models.complexity import complexity
from models.digits import load_digits
from models.evaluation import evaluate
from models.zoo import entries

MOST_BYTES = 12_000_000


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_the_entry_is_what_the_checkpoint_says(entry):
    meta = load_checkpoint(entry.path).meta
    assert (entry.architecture, entry.bases, entry.task) == (meta.architecture, meta.config.bases, meta.task)
    assert entry.score == pytest.approx(meta.metrics[entry.metric], abs=5e-5)


@pytest.mark.parametrize("entry", [e for e in entries() if e.data == "digits"], ids=lambda entry: entry.name)
def test_the_digits_net_scores_what_it_promises(entry):
    checkpoint = load_checkpoint(entry.path)
    test = load_digits().test
    top1 = evaluate(checkpoint.model, test.images, test.labels)
    # Another machine may round a value near zero to the other sign: one image of 360 may change.
    assert top1 == pytest.approx(checkpoint.meta.metrics["top1"], abs=1.5 / 360)
    assert top1 >= 0.97


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_each_checkpoint_has_a_card(entry):
    card = entry.path.with_suffix(".md").read_text()
    assert f"{entry.score:.2%}" in card
    checkpoint = load_checkpoint(entry.path)
    assert checkpoint.meta.training_command in card
    for part in ("| Data |", "| Command |", "Recipe: ", "seed", "license"):
        assert part in card, part
    config = checkpoint.meta.config
    costs = complexity(checkpoint.model, (config.in_channels, config.input_size, config.input_size))
    for count in (costs.binary_weights, costs.float_parameters, costs.model_bytes):
        assert f"{count:,}" in card


def test_all_of_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in entries()[0].path.parent.iterdir()) <= MOST_BYTES
