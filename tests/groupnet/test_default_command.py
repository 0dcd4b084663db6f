"""A command with subcommands beside it: the first word decides which is meant."""

import pytest
import typer
from typer.testing import CliRunner

from groupnet import cli
from groupnet.default_command import DefaultCommandGroup

verbs = typer.Typer()
app = typer.Typer(cls=DefaultCommandGroup, help="Sing or list.")
verbs.add_typer(app, name="sing")


@verbs.command()
def other() -> None:
    """Do nothing, so that there are two verbs."""


@app.command("sing")
def sing(song: str, times: int = 1) -> None:
    """Sing a song."""
    typer.echo(f"{song} {times}")


@app.command("list")
def list_songs(folder: str) -> None:
    """List songs."""
    typer.echo(f"songs of {folder}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sing la", "la 1"),
        ("sing la --times 2", "la 2"),
        ("sing --times 2 la", "la 2"),
        ("sing ./list", "./list 1"),
        ("sing --times 2 list", "list 2"),
        ("sing sing", "sing 1"),
        ("sing list FOLDER", "songs of FOLDER"),
    ],
)
def test_the_first_word_decides(words: str, said: str) -> None:
    done = CliRunner().invoke(verbs, words.split())
    assert (done.exit_code, done.stdout.strip()) == (0, said)


def test_no_word_and_a_missing_one_are_errors_of_the_command_meant() -> None:
    for words, missing in (("sing", "song"), ("sing list", "folder")):
        done = CliRunner().invoke(verbs, words.split())
        assert done.exit_code == 2
        assert f"Missing argument '{missing}'" in done.stderr


def test_help_is_that_of_the_command_meant() -> None:
    tune = CliRunner().invoke(cli.app, ["tune", "--help"]).stdout
    assert "--trials" in tune and "tune report DB" in tune and "./report" in tune
    report = CliRunner().invoke(cli.app, ["tune", "report", "--help"]).stdout
    assert "--out" in report and "--trials" not in report
    assert " tune " in CliRunner().invoke(cli.app, ["--help"]).stdout
