"""Mutated inputs for `benchmarks.fuzz`: valid examples, changed in a few places by a seeded generator."""

import random
import struct
from collections.abc import Sequence

_WORDS = (0, 1, 2, 5, 24, 255, 256, 4096, 65536, 1 << 18, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
_LONGEST_BYTES = 1 << 16
_HEADER = struct.Struct("<6I")


def mutated(rng: random.Random, example: bytes) -> bytes:
    """Change an example in up to six places: bits, bytes, words, cuts, repeats."""
    data = bytearray(example)
    for _ in range(rng.randrange(7)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 4:
            data[at & ~3 : (at & ~3) + 4] = struct.pack("<I", rng.choice(_WORDS))
        else:
            data[at:at] = data[: rng.randrange(600)]
    return bytes(data[:_LONGEST_BYTES])


def adb_message(command: bytes, arg0: int, arg1: int, payload: bytes = b"") -> bytes:
    """A message of ADB as it goes over the wire, with a right checksum."""
    word = int.from_bytes(command, "little")
    checksum = sum(payload) & 0xFFFFFFFF
    return _HEADER.pack(word, arg0, arg1, len(payload), checksum, word ^ 0xFFFFFFFF) + payload


Script = Sequence[tuple[bytes, int, int, bytes]]
"""Messages: command, arguments, payload."""


def mutated_script(rng: random.Random, script: Script) -> bytes:
    """Change a conversation: messages lost, doubled and swapped, payloads and headers mutated.

    Most changed payloads get the right length and checksum again: otherwise little would come past those.
    """
    messages = list(script)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(messages))
        kind = rng.randrange(4)
        if kind == 0 and len(messages) > 1:
            del messages[at]
        elif kind == 1:
            messages.insert(at, messages[at])
        elif kind == 2:
            messages.append(messages.pop(at))
        else:
            command, arg0, arg1, payload = messages[at]
            arguments = [arg0, arg1]
            arguments[rng.randrange(2)] = rng.choice(_WORDS)
            messages[at] = (command, *arguments, payload)  # type: ignore[assignment]
    data = b""
    for command, arg0, arg1, payload in messages:
        data += adb_message(command, arg0, arg1, mutated(rng, payload) if rng.randrange(2) else payload)
    return mutated(rng, data) if rng.randrange(4) == 0 else data
