"""The pipe to Larq's own Python, with a worker that answers without Larq."""

import sys
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.larq_engine import ENGINES, larq_worker

ANSWERS = """
import json, sys
print(json.dumps({"tensorflow": "none"}), flush=True)
for line in sys.stdin:
    engine, threads, runs = json.loads(line)
    print(json.dumps([threads + len(engine)] * runs), flush=True)
"""


def program(folder: Path, text: str) -> Path:
    path = folder / "worker.py"
    path.write_text(text)
    return path


def test_each_turn_is_one_question_and_its_answer(tmp_path: Path) -> None:
    with larq_worker(Path(sys.executable), program(tmp_path, ANSWERS)) as larq:
        first, second = (larq.engine(name, threads, 3) for name, threads in zip(ENGINES, (1, 2), strict=True))
        assert first() == [5.0] * 3
        assert second() == [14.0] * 3
        assert first() == [5.0] * 3


def test_a_python_without_larq_says_what_it_lacks(tmp_path: Path) -> None:
    broken = program(tmp_path, "import a_package_that_is_not_there")
    with pytest.raises(BenchmarkError, match=r"it ended.*No module named"):
        with larq_worker(Path(sys.executable), broken):
            pass


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="No such file"):
        with larq_worker(tmp_path / "python"):
            pass
