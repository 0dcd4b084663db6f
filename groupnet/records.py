"""`groupnet records`: lists and merges folders of tuning records."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import Database, Record
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, table
from groupnet.errors import TuningError

app = typer.Typer(no_args_is_help=True, help="List and merge folders of tuning records.")

_NUMBERS = ("threads", "kernels", "measured", "failed", "confirmed")


@app.command("list")
@verb
def list_records(
    folder: Annotated[Path, typer.Argument(help="A folder that `groupnet tune --db` made.")],
    as_json: AsJson = False,
) -> None:
    """Count the records of each type of core and number of threads."""
    rows = [row for core in _existing(folder).cores() for row in _rows(core, _read(Database(folder), core))]
    if as_json:
        print_json({"database": str(folder), "cores": rows})
        return
    shown = table("Records", "core", *_NUMBERS, numbers=_NUMBERS)
    for row in rows:
        shown.add_row(row["core"], *(str(row[key]) for key in _NUMBERS))
    print_result(shown)


@app.command("merge")
@verb
def merge_records(
    into: Annotated[Path, typer.Argument(help="The folder that takes records; made where there is none.")],
    sources: Annotated[list[Path], typer.Argument(help="Folders whose records it shall have too.")],
    as_json: AsJson = False,
) -> None:
    """Add records of other folders that are not in the first one yet."""
    databases = [_existing(source) for source in sources]
    added = sum(Database(into).merge(database) for database in databases)
    if as_json:
        print_json({"database": str(into), "added": added})
    else:
        print_result(f"{added} records added to {into}")


def _existing(folder: Path) -> Database:
    if not folder.is_dir():
        raise TuningError(f"expected a folder of tuning records; no {folder}; `groupnet tune` makes one")
    return Database(folder)


def _read(database: Database, core: str) -> list[Record]:
    records = database.read(core)
    for line in database.skipped:
        note(f"note: skipped an unreadable record at {line}")
    return records


def _rows(core: str, records: list[Record]) -> list[dict[str, Any]]:
    """One row for each number of threads; a kernel's confirmations are no measurements of new choices."""
    measured = Counter(one.conditions.threads for one in records if not one.confirmed)
    failed = Counter(one.conditions.threads for one in records if one.outcome != "ok")
    confirmed = Counter(one.conditions.threads for one in records if one.confirmed)
    return [
        {
            "core": core,
            "threads": threads,
            "kernels": len({one.key for one in records if one.conditions.threads == threads}),
            "measured": measured[threads],
            "failed": failed[threads],
            "confirmed": confirmed[threads],
        }
        for threads in sorted({one.conditions.threads for one in records})
    ]
