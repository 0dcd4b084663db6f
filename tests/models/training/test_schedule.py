"""Learning rates by hand: at the ends, at milestones, in the warm-up."""

import pytest

from models.training.recipe import Stage
from models.training.schedule import learning_rate


def _stage(**options):
    return Stage(
        precision="binary", optimizer="sgd", learning_rate=0.5, weight_decay=0.0, epochs=10, **options
    )


def _rates(stage, steps=2):
    places = [(epoch, step) for epoch in range(stage.epochs) for step in range(steps)]
    return [learning_rate(stage, epoch, step, steps) for epoch, step in places]


def test_milestones_are_shares_rounded_down():
    rates = _rates(_stage(milestones=(0.55, 0.9)))
    assert rates == pytest.approx([0.5] * 10 + [0.05] * 8 + [0.005] * 2)


def test_poly_falls_with_each_step():
    rates = _rates(_stage(schedule="poly"))
    assert rates[0] == 0.5
    assert rates[10] == pytest.approx(0.5 * 0.5**0.9)
    assert rates[19] == pytest.approx(0.5 * 0.05**0.9)


def test_cosine_falls_from_the_whole_to_nearly_nothing():
    rates = _rates(_stage(schedule="cosine"))
    assert (rates[0], rates[10]) == (0.5, pytest.approx(0.25))
    assert 0 < rates[19] < 0.005
    assert rates == sorted(rates, reverse=True)


def test_warm_up_rises_in_a_line_to_the_schedule():
    rates = _rates(_stage(warmup_steps=5))
    assert rates[:6] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])
