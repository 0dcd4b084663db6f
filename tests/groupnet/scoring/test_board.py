"""The board: each image once, shares towards the end, and what is given back goes to others."""

import threading

import pytest

from groupnet.scoring.board import MAX_CHUNK, MAX_CHUNK_BYTES, Board, chunk_size


def test_each_image_is_handed_out_once() -> None:
    board = Board([4, 2, 9], devices=1)
    assert board.take(2, wait=True) == (2, 4)
    assert board.take(2, wait=False) == (9,)
    assert board.take(2, wait=False) == () and not board.finished
    board.done((2, 4))
    board.done((9,))
    assert board.finished and board.take(1, wait=True) == ()


def test_what_is_given_back_is_handed_out_again() -> None:
    board = Board(range(4), devices=1)
    lost = board.take(3, wait=True)
    board.give_back(lost)
    assert board.take(8, wait=True) == (0, 1, 2, 3)


def test_nobody_is_left_with_the_last_images() -> None:
    board = Board(range(100), devices=2)
    sizes = []
    while images := board.take(64, wait=True):
        sizes.append(len(images))
        board.done(images)
    assert sizes[0] == 25 and sizes[-1] == 1 and sum(sizes) == 100


def test_who_has_nothing_waits_for_what_others_may_give_back() -> None:
    board = Board([7], devices=1)
    taken = board.take(1, wait=True)
    got: list[tuple[int, ...]] = []
    waiting = threading.Thread(target=lambda: got.append(board.take(1, wait=True)))
    waiting.start()
    board.give_back(taken)
    waiting.join(timeout=30)
    assert got == [(7,)]


def test_a_stopped_board_wakes_who_waits() -> None:
    board = Board([7], devices=1)
    board.take(1, wait=True)
    got: list[tuple[int, ...]] = []
    waiting = threading.Thread(target=lambda: got.append(board.take(1, wait=True)))
    waiting.start()
    board.stop()
    waiting.join(timeout=30)
    assert got == [()] and board.stopped


@pytest.mark.parametrize(
    ("seconds", "image_bytes", "size"),
    [
        (None, 1, 1),
        (10.0, 1, 1),
        (0.1, 1, 4),
        (0.0, 1, MAX_CHUNK),
        (1e-9, MAX_CHUNK_BYTES // 3, 2),
        (1e-9, 2 * MAX_CHUNK_BYTES, 1),
    ],
)
def test_chunks_last_about_as_long_and_fit(seconds: float | None, image_bytes: int, size: int) -> None:
    assert chunk_size(seconds, image_bytes) == size
