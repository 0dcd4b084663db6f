"""A claim has one holder, and ends with its process however that ends."""

import subprocess
import sys

from benchmarks.ablation_claim import claim, holder

_HOLD = """
import sys, time
from pathlib import Path
from benchmarks.ablation_claim import claim
with claim(Path(sys.argv[1])) as ours:
    print(ours, flush=True)
    time.sleep(60)
"""


def test_one_of_two_gets_it(tmp_path):
    path = tmp_path / "run.lock"
    with claim(path) as first:
        with claim(path) as second:
            assert first and not second
        assert path.exists()  # the one that was refused leaves the claim alone
    with claim(path) as again:
        assert again
    assert not path.exists()


def test_a_claim_ends_with_its_block_whatever_happens(tmp_path):
    try:
        with claim(tmp_path / "run.lock"):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with claim(tmp_path / "run.lock") as ours:
        assert ours


def test_a_file_that_was_left_behind_claims_nothing(tmp_path):
    path = tmp_path / "run.lock"
    path.write_text("1\n")  # process 1 runs, and holds no lock
    with claim(path) as ours:
        assert ours and int(holder(path)) > 1


def test_a_killed_process_gives_its_claim_up(tmp_path):
    path = tmp_path / "run.lock"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "True\n"
            assert holder(path) == str(process.pid)
            with claim(path) as ours:
                assert not ours
        finally:
            process.kill()
    assert path.exists()
    with claim(path) as ours:
        assert ours


def test_a_claim_whose_file_is_removed_while_it_is_opened_is_tried_again(tmp_path, monkeypatch):
    # What a process sees that opens the file just before its holder removes it.
    import benchmarks.ablation_claim as module

    path, opened = tmp_path / "run.lock", []
    flock = module.fcntl.flock

    def lock_after_removal(descriptor, how):
        if not opened:
            path.unlink()
        opened.append(descriptor)
        flock(descriptor, how)

    monkeypatch.setattr(module.fcntl, "flock", lock_after_removal)
    with claim(path) as ours:
        assert ours and path.exists() and len(opened) == 2


def test_no_holder_is_a_question_mark(tmp_path):
    assert holder(tmp_path / "none.lock") == "?"
