"""A short run of the fuzzing, that it repeats, and that it does notice what goes wrong."""

import random
import shutil
from pathlib import Path

import pytest

from benchmarks import fuzz, fuzz_client
from benchmarks.errors import BenchmarkError
from benchmarks.fuzz import run_fuzz
from benchmarks.fuzz_mutate import adb_message, mutated, mutated_script


def test_the_client_and_the_daemon_survive() -> None:
    found = run_fuzz(2000, 7, ("client", "daemon"))
    assert sum(found["client"].values()) == found["daemon"]["connections"] == 2000
    assert min(found["client"].values()) > 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_the_servers_parsing_survives() -> None:
    found = run_fuzz(20_000, 7, ("server",))["server"]
    assert sum(found.values()) == 20_000
    assert set(found) == {"handshake", "options", "token file", "file name"} and min(found.values()) > 0


def test_a_seed_repeats_its_inputs() -> None:
    script = ((b"OPEN", 1, 0, b"shell:"), (b"WRTE", 1, 1, b"text"))

    def inputs(seed: int) -> list[bytes]:
        rng = random.Random(seed)
        return [mutated_script(rng, script) + mutated(rng, b"example") for _ in range(50)]

    assert inputs(1) == inputs(1) != inputs(2)
    assert len(set(inputs(1))) > 30


def test_an_unchanged_message_is_a_valid_one() -> None:
    data = adb_message(b"WRTE", 7, 1, b"text")
    message = fuzz_client.receive(fuzz_client._Bytes(data))  # type: ignore[arg-type]
    assert message is not None and (message.arg0, message.arg1, message.payload) == (7, 1, b"text")


def test_what_is_not_survived_is_told_with_its_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(rng: random.Random) -> None:
        if rng.randrange(10) == 0:
            raise IndexError("as a parser that forgets to look")

    monkeypatch.setattr(fuzz, "try_messages", careless)
    with pytest.raises(BenchmarkError, match=r"input \d+ of seed 3 .* IndexError"):
        fuzz.fuzz_client(1000, 3, tmp_path)
