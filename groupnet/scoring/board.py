"""Which images are still to do, handed out in chunks to any number of devices."""

import threading
from collections.abc import Iterable, Sequence

CHUNK_S = 0.5
"""How long a device should compute for one chunk: long beside a call's overhead, short beside a loss."""

MAX_CHUNK = 1024
MAX_CHUNK_BYTES = 32 << 20


class Board:
    """Hands out each image once, again only if it was given back; for several threads."""

    def __init__(self, images: Iterable[int], devices: int) -> None:
        """Take the images to do and how many devices will ask for them."""
        self._left = sorted(images)
        self._devices = devices
        self._out = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, most: int, *, wait: bool) -> tuple[int, ...]:
        """Up to `most` images; none when all are done, or when this is stopped.

        Args:
            most: At least 1. With several devices it may be fewer towards the end, so that none is left
                with the last images while others have nothing to do.
            wait: Whether to wait while others have images that they may give back.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._left or not self._out or self._stopped)
            if self._stopped:
                return ()
            share = len(self._left) if self._devices == 1 else -(-len(self._left) // (2 * self._devices))
            count = min(most, share)
            taken = tuple(self._left[:count])
            del self._left[:count]
            self._out += len(taken)
            return taken

    def done(self, images: Sequence[int]) -> None:
        """Images that were taken are answered."""
        with self._changed:
            self._out -= len(images)
            self._changed.notify_all()

    def give_back(self, images: Sequence[int]) -> None:
        """Images that were taken are for others to do."""
        with self._changed:
            self._out -= len(images)
            self._left = sorted([*images, *self._left])
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether nothing is handed out any more."""
        return self._stopped

    @property
    def finished(self) -> bool:
        """Whether every image is answered."""
        with self._changed:
            return not self._left and not self._out


def chunk_size(seconds: float | None, image_bytes: int) -> int:
    """How many images a device should be given at once: a power of two, so that its tensors can be kept.

    Args:
        seconds: That one image took; None before the first.
        image_bytes: Of an image and its outputs.
    """
    if seconds is None:
        return 1
    most = min(MAX_CHUNK, CHUNK_S / max(seconds, 1e-6), MAX_CHUNK_BYTES / image_bytes)
    return 1 << max(0, int(most).bit_length() - 1)
