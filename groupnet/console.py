"""What the verbs print: results on stdout (a table, or one JSON object), everything else on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and everything else on stderr.")
]
"""The option that every verb has."""

STDERR = Console(stderr=True, highlight=False)
"""Where everything goes that is no result."""
_PIPED_WIDTH = 160  # what is read by a program or kept in a file should not be wrapped for a narrow window


def print_json(result: Mapping[str, Any]) -> None:
    """Print the verb's result as one line of JSON on stdout."""
    typer.echo(json.dumps(result))


def print_result(renderable: Table | str) -> None:
    """Print the verb's result for people on stdout."""
    if isinstance(renderable, str):
        typer.echo(renderable)
    else:
        Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(renderable)


def table(title: str, *columns: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table in the project's one style; the columns named in `numbers` are aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, show_header=any(columns))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def note(text: str) -> None:
    """Say something beside the result, on stderr."""
    STDERR.print(text, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str, int], None]]:
    """Give a function that says what is being done and how many of `total` steps are.

    On a terminal that is a bar with the time left, elsewhere a line a step.
    """
    if not STDERR.is_terminal:
        yield lambda text, _done: note(text)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=STDERR, transient=True) as bar:
        task = bar.add_task("", total=total)

        def show(text: str, done: int) -> None:
            bar.update(task, description=escape(text), completed=done)

        yield show


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give a function that says what is being done: a live line on a terminal, elsewhere a line a step."""
    if not STDERR.is_terminal:
        yield note
        return
    with STDERR.status("") as status:
        yield status.update
