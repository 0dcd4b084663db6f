"""`groupnet records`: lists, merges, exports and imports tuning records."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import Database, Record, best_records, read_lines
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, table
from groupnet.errors import TuningError

app = typer.Typer(no_args_is_help=True, help="List, merge, export and import tuning records.")

_NUMBERS = ("threads", "kernels", "measured", "failed", "confirmed")


@app.command("list")
@verb
def list_records(
    folder: Annotated[Path, typer.Argument(help="A folder that `groupnet tune --db` made.")],
    as_json: AsJson = False,
) -> None:
    """Count the records of each type of core and number of threads, by how they were obtained."""
    database = existing_database(folder)
    rows = [row for core in database.cores() for row in _rows(core, _read(database, core))]
    if as_json:
        print_json({"database": str(folder), "cores": rows})
        return
    shown = table("Records", "core", *_NUMBERS, "note", numbers=_NUMBERS)
    for row in rows:
        shown.add_row(row["core"], *(str(row[key]) for key in _NUMBERS), _note_on(row))
    print_result(shown)


@app.command("merge")
@verb
def merge_records(
    into: Annotated[Path, typer.Argument(help="The folder that takes records; made where there is none.")],
    sources: Annotated[list[Path], typer.Argument(help="Folders whose records it shall have too.")],
    as_json: AsJson = False,
) -> None:
    """Add records of other folders that are not in the first one yet."""
    databases = [existing_database(source) for source in sources]
    added = sum(Database(into).merge(database) for database in databases)
    if as_json:
        print_json({"database": str(into), "added": added})
    else:
        print_result(f"{added} records added to {into}")


@app.command("export")
@verb
def export_records(
    folder: Annotated[Path, typer.Argument(help="A folder that `groupnet tune --db` made.")],
    out: Annotated[Path, typer.Option(help="The file, JSON lines; replaced if it is there.")],
    core: Annotated[
        str | None, typer.Option(help="Of one type of core only, as `records list` names it.")
    ] = None,
    winners: Annotated[bool, typer.Option("--winners", help="Only what `compile` would choose by.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write records of a folder to one file, to be sent and imported elsewhere."""
    database = existing_database(folder)
    if core is not None and core not in database.cores():
        known = ", ".join(database.cores()) or "none"
        raise TuningError(f"expected a type of core that {folder} has records of, {known}; got '{core}'")
    records = database.read_all() if core is None else database.read(core)
    note_skipped(database)
    if winners:
        records = _winners(records)
    if not records:
        raise TuningError(f"expected records to export; got none in {folder}; `groupnet tune` makes them")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{record.model_dump_json()}\n" for record in records), encoding="utf-8")
    if as_json:
        print_json({"database": str(folder), "file": str(out), "records": len(records)})
    else:
        print_result(f"{out}: {len(records)} records")


@app.command("import")
@verb
def import_records(
    into: Annotated[Path, typer.Argument(help="The folder that takes records; made where there is none.")],
    files: Annotated[list[Path], typer.Argument(help="Files that `records export` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Add records of exported files that are not in the folder yet."""
    for file in files:
        if not file.is_file():
            raise TuningError(f"expected a file that `groupnet records export` wrote; no {file}")
    database = Database(into)
    added = 0
    for file in files:
        records, skipped = read_lines(file)
        for place in skipped:
            note(f"note: skipped an unreadable record at {place}")
        added += database.add_new(records)
    if as_json:
        print_json({"database": str(into), "added": added})
    else:
        print_result(f"{added} records added to {into}")


def existing_database(folder: Path) -> Database:
    """Return the records of a folder.

    Raises:
        TuningError: there is no such folder.
    """
    if not folder.is_dir():
        raise TuningError(f"expected a folder of tuning records; no {folder}; `groupnet tune` makes one")
    return Database(folder)


def _read(database: Database, core: str) -> list[Record]:
    records = database.read(core)
    note_skipped(database)
    return records


def note_skipped(database: Database) -> None:
    """Say which lines the last reading could not use."""
    for line in database.skipped:
        note(f"note: skipped an unreadable record at {line}")


def _winners(records: list[Record]) -> list[Record]:
    """The winner of each kernel for each type of core and number of threads."""
    places = dict.fromkeys((record.conditions.core, record.conditions.threads) for record in records)
    return [
        winner
        for core, threads in places
        for winner in best_records([one for one in records if one.conditions.core == core], threads).values()
    ]


def _rows(core: str, records: list[Record]) -> list[dict[str, Any]]:
    """A row for each number of threads and way of obtaining; confirmations are no new choices."""

    def place(record: Record) -> tuple[int, bool, str]:
        return record.conditions.threads, record.conditions.emulated, record.obtained

    measured = Counter(place(one) for one in records if not one.confirmed)
    failed = Counter(place(one) for one in records if one.outcome != "ok")
    confirmed = Counter(place(one) for one in records if one.confirmed)
    return [
        {
            "core": core,
            "obtained": where[2],
            "emulated": where[1],
            "threads": where[0],
            "kernels": len({one.key for one in records if place(one) == where}),
            "measured": measured[where],
            "failed": failed[where],
            "confirmed": confirmed[where],
        }
        for where in sorted({place(one) for one in records})
    ]


def _note_on(row: Mapping[str, Any]) -> str:
    if row["obtained"] != "timed":
        return f"{row['obtained']}, not timed"
    return "emulated: chooses nothing" if row["emulated"] else ""
