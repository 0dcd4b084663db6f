"""Each pass has a file of its own name, a place in the pipeline, and a test file."""

from pathlib import Path

from frontend import passes
from frontend.pipeline import PHASES

PASSES = sorted(path.stem for path in Path(passes.__file__).parent.glob("*.py") if path.stem != "__init__")


def test_each_pass_is_in_the_pipeline_once():
    assert sorted(p.__name__ for phase in PHASES for p in phase.passes) == PASSES


def test_each_pass_has_a_test_file():
    tests = {path.stem for path in (Path(__file__).parent / "passes").glob("test_*.py")}
    assert tests == {f"test_{name}" for name in PASSES}
