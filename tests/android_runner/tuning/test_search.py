"""What is measured next: never anything twice, small spaces whole, and where latency is to gain."""

import random

from kernels_to_tune import TARGET, Invented, task

from android_runner.tuning.cost_model import FEWEST, CostModel, Sample
from android_runner.tuning.search import KernelSearch, next_kernel, propose
from android_runner.tuning.worker import Job
from tvm_schedules.tuning.spaces import kernel_space


def search_of(channels: int, calls: int = 1) -> KernelSearch:
    one = task(channels, calls)
    return KernelSearch(one, kernel_space(one.request, TARGET))


def measure(search: KernelSearch, model: CostModel, count: int, rng: random.Random) -> int:
    chosen = propose(search, model, count, rng)
    assert len(set(chosen)) == len(chosen)
    assert not set(chosen) & search.tried
    assert search.space[0] not in chosen
    for choice in chosen:
        answer = Invented().measure(Job(search.task.request, choice, "", 1))
        search.tried.add(choice)
        if answer.seconds is not None:
            search.ratios[choice] = answer.seconds
    ratios = {choice: search.ratios[choice] for choice in chosen if choice in search.ratios}
    model.learn(Sample(search.task.key, choice, ratio) for choice, ratio in ratios.items())
    return len(chosen)


def test_a_space_is_measured_whole_and_then_nothing_is_left() -> None:
    search, model, rng = search_of(64), CostModel(), random.Random(0)
    counts = []
    while search.open:
        counts.append(measure(search, model, 8, rng))
    assert sum(counts) == len(search.space) - 1
    assert propose(search, model, 8, rng) == []
    assert next_kernel([search], model) is None


def test_the_model_finds_the_best_of_another_kernel_early() -> None:
    model, rng = CostModel(), random.Random(1)
    known, asked = search_of(64), search_of(128)
    while known.open:
        measure(known, model, 8, rng)
    assert model.ready
    measure(asked, model, 8, rng)
    measure(asked, model, 8, rng)
    best = min(
        answer.seconds
        for choice in asked.space
        if (answer := Invented().measure(Job(asked.task.request, choice, "", 1))).seconds is not None
    )
    assert asked.best_ratio <= best + 0.01


def test_a_model_predicts_once_it_knows_enough() -> None:
    model, search = CostModel(), search_of(64)
    choices = search.space[: FEWEST - 1]
    model.learn(Sample(search.task.key, choice, 1.0) for choice in choices)
    assert not model.ready
    model.learn([Sample(search.task.key, search.space[-1], 0.5)])
    assert model.ready
    predicted = model.predict(search.task.key, search.space)
    assert predicted.shape == (len(search.space),)
    assert predicted[-1] == predicted.min()


def test_trials_go_to_new_kernels_first_then_to_latency_and_gain() -> None:
    small, large, new, model = search_of(64), search_of(128), search_of(256), CostModel()
    for search, seconds in ((small, 1e-5), (large, 1e-3)):
        search.tried = {search.space[1]}
        search.default_seconds = seconds
    assert next_kernel([small, large, new], model) is new
    assert next_kernel([small, large], model) is large
    small.recent_gain = 50.0
    assert next_kernel([small, large], model) is small
    model.learn(Sample(large.task.key, choice, 1e-3) for choice in large.space)
    small.recent_gain = 0.5
    assert next_kernel([small, large], model) is large
    large.tried = set(large.space)
    assert next_kernel([large], model) is None


def test_a_default_that_nothing_beats_stays_at_one() -> None:
    search = search_of(64)
    search.ratios = {search.space[1]: 1.5}
    assert search.best_ratio == 1.0
