"""The order of an epoch: a permutation, dealt out to processes without loss, from seed and epoch alone."""

import numpy as np
import pytest

from models.data.order import Order, sample_generator
from models.errors import DataError


def indices(order: Order, epoch: int = 0) -> list[int]:
    return [int(index) for batch in order.batches(epoch) for index in batch]


def training(images: int = 23, **changes: int) -> Order:
    return Order(**{"images": images, "batch_size": 4, "seed": 7, "training": True} | changes)  # type: ignore[arg-type]


def test_training_is_shuffled_anew_each_epoch_and_drops_the_rest() -> None:
    first, again, second = (indices(training(), epoch) for epoch in (0, 0, 1))
    assert first == again
    assert first != second
    assert len(set(first)) == len(first) == 20
    assert indices(training(seed=8)) != first


def test_processes_share_one_order() -> None:
    one = [batch.tolist() for batch in training(images=50, batch_size=8).batches(3)]
    ranks = [list(training(images=50, world=2, rank=rank).batches(3)) for rank in (0, 1)]
    assert len(ranks[0]) == len(ranks[1]) == 6
    assert [[*a, *b] for a, b in zip(*ranks, strict=True)] == one


@pytest.mark.parametrize("images", [1, 7, 8, 9, 16, 23])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_testing_takes_each_image_once(images: int, world: int) -> None:
    orders = [
        Order(images=images, batch_size=4, seed=0, training=False, rank=rank, world=world)
        for rank in range(world)
    ]
    assert sorted(index for order in orders for index in indices(order)) == list(range(images))
    assert [len(order) for order in orders] == [len(list(order.batches(0))) for order in orders]


@pytest.mark.parametrize(
    "changes", [{"batch_size": 0}, {"seed": -1}, {"rank": 1}, {"rank": -1}, {"images": 3}, {"world": 6}]
)
def test_numbers_out_of_range_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(DataError, match="expected"):
        training(**changes)


def test_generators_differ_by_seed_epoch_and_index() -> None:
    draws = {tuple(sample_generator(*key).integers(0, 2**31, 4)) for key in np.ndindex(3, 3, 3)}
    assert len(draws) == 27
