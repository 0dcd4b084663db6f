"""Tests that docs/devices.md names as showing something are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_what_is_named_is_there() -> None:
    sources = {path.name: path.read_text() for path in TESTS.rglob("*.py")}
    everything = "".join(sources.values())
    page = (TESTS.parent / "docs" / "devices.md").read_text()
    named = re.findall(r"`(?:tests/[\w/]*)?(test_\w+(?:\.py)?)`", page)
    assert len(named) > 30
    assert [name for name in named if name not in sources and f"def {name}(" not in everything] == []
