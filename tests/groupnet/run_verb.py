"""Runs verbs of the command line in the process of the test."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from groupnet import cli


def groupnet(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Run a verb with --json; the exit code must be `code`, and what it prints is returned."""
    done = CliRunner().invoke(cli.app, [*(str(argument) for argument in arguments), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
