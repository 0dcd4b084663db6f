"""What is written, the standard library reads back."""

import tomllib

import pytest

from models.training.toml_text import to_toml


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"text": 'a "quoted" word\nand ü', "yes": True, "whole": 3, "small": 1e-05, "list": [1, 2]},
        {"empty": [], "nested": [[1, 2], [3]], "words": ["a", "b"]},
        {"table": {"inner": {"x": 1}, "y": 2}, "before": 1},
        {"list": [{"x": 1, "deep": {"y": 2}}, {"x": 2}], "z": 3},
    ],
)
def test_round_trip(values):
    assert tomllib.loads(to_toml(values)) == values


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_toml({"x": float("nan")})
