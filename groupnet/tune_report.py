"""`groupnet tune report`: draws tuning records as a page."""

from pathlib import Path
from typing import Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result
from groupnet.errors import TuningError
from groupnet.records import existing_database, note_skipped
from groupnet.tuning_ceilings import Peaks
from groupnet.tuning_history import place_histories
from groupnet.tuning_report import report_page

PAGE = "report.html"


@verb
def report(
    folder: Annotated[Path, typer.Argument(metavar="DB", help="A folder that `groupnet tune --db` made.")],
    out: Annotated[Path | None, typer.Option(help="The page, HTML.", show_default=f"DB/{PAGE}")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw convergence and gain of each kernel as a page of one file, with failures and conditions."""
    page = out or folder / PAGE
    database = existing_database(folder)
    records = database.read_all()
    note_skipped(database)
    places = place_histories(records)
    if not places:
        raise TuningError(f"expected timed tuning records; got none in {folder}; `groupnet tune` makes them")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report_page(folder.resolve().name, places, Peaks(folder).read()), encoding="utf-8")
    if as_json:
        described = [{"core": one.core, "threads": one.threads, "emulated": one.emulated} for one in places]
        print_json({"database": str(folder), "page": str(page), "places": described})
    else:
        print_result(f"{page}: {len(records)} records")
