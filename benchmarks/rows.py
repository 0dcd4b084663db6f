"""The one form in which every benchmark hands over its results: a list of flat rows, as JSON."""

import json
from collections.abc import Sequence
from typing import Any

import typer


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as one line of JSON on stdout.

    Every row has `benchmark`, `name`, `engine`, `threads`, `min_ms` and `median_ms` (None where nothing was
    timed); each benchmark adds its own.
    """
    typer.echo(json.dumps(list(rows)))
