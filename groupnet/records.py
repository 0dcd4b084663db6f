"""`groupnet records`: lists folders of tuning records, merges them, and draws a page of them."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import Database, Record
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, table
from groupnet.errors import TuningError

app = typer.Typer(no_args_is_help=True, help="List, merge and draw folders of tuning records.")

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
    shown = table("Records", "core", *_NUMBERS, "note", numbers=_NUMBERS)
    for row in rows:
        emulated = "emulated: chooses nothing" if row["emulated"] else ""
        shown.add_row(row["core"], *(str(row[key]) for key in _NUMBERS), emulated)
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


@app.command("report")
@verb
def report_records(
    folder: Annotated[Path, typer.Argument(help="A folder that `groupnet tune --db` made.")],
    out: Annotated[Path, typer.Option(help="The page, HTML.")],
    as_json: AsJson = False,
) -> None:
    """Draw convergence and gain of each kernel as a page of one file, with failures and conditions."""
    from groupnet.tuning_ceilings import Peaks
    from groupnet.tuning_history import place_histories
    from groupnet.tuning_report import report_page

    database = _existing(folder)
    records = database.read_all()
    _note_skipped(database)
    if not records:
        raise TuningError(f"expected tuning records; got none in {folder}; `groupnet tune` makes them")
    places = place_histories(records)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report_page(folder.name, places, Peaks(folder).read()), encoding="utf-8")
    if as_json:
        described = [{"core": one.core, "threads": one.threads, "emulated": one.emulated} for one in places]
        print_json({"database": str(folder), "page": str(out), "places": described})
    else:
        print_result(f"{out}: {len(records)} records")


def _existing(folder: Path) -> Database:
    if not folder.is_dir():
        raise TuningError(f"expected a folder of tuning records; no {folder}; `groupnet tune` makes one")
    return Database(folder)


def _read(database: Database, core: str) -> list[Record]:
    records = database.read(core)
    _note_skipped(database)
    return records


def _note_skipped(database: Database) -> None:
    for line in database.skipped:
        note(f"note: skipped an unreadable record at {line}")


def _rows(core: str, records: list[Record]) -> list[dict[str, Any]]:
    """One row for each number of threads; a kernel's confirmations are no measurements of new choices."""

    def place(record: Record) -> tuple[int, bool]:
        return record.conditions.threads, record.conditions.emulated

    measured = Counter(place(one) for one in records if not one.confirmed)
    failed = Counter(place(one) for one in records if one.outcome != "ok")
    confirmed = Counter(place(one) for one in records if one.confirmed)
    return [
        {
            "core": core,
            "emulated": where[1],
            "threads": where[0],
            "kernels": len({one.key for one in records if place(one) == where}),
            "measured": measured[where],
            "failed": failed[where],
            "confirmed": confirmed[where],
        }
        for where in sorted({place(one) for one in records})
    ]
