"""`groupnet report`: results of several phones side by side, as tables and as a page."""

from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groupnet.app_record import Scored, Timed, read_results
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, table
from groupnet.running import EMULATED

if TYPE_CHECKING:
    from rich.table import Table

_TIMES = (
    "model",
    "device",
    "chip",
    "measured by",
    "threads",
    "cores",
    "min ms",
    "p50 ms",
    "p95 ms",
    "runs",
    "note",
)
_NUMBERS = ("threads", "min ms", "p50 ms", "p95 ms", "runs")
_SCORES = ("model", "device", "pictures", "score")
_STYLE = """
:root { color-scheme: light dark; --bar: #00639b; --soft: #cfe5f7; }
@media (prefers-color-scheme: dark) { :root { --bar: #8ccdff; --soft: #0e4a6e; } }
body { font: 17px/1.5 system-ui, sans-serif; max-width: 82rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } .table { overflow-x: auto; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8886; }
th, td:first-child { white-space: nowrap; }
td:nth-child(2) { min-width: 9rem; } td:last-child { min-width: 12rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: inline-block; height: .8rem; background: var(--bar); border-radius: .3rem; min-width: 2px; }
.row { display: grid; grid-template-columns: 18rem 1fr; gap: .2rem 1rem; align-items: center; }
.row { margin: .4rem 0; }
.row > :last-child { white-space: nowrap; }
@media (max-width: 44rem) { .row { grid-template-columns: 1fr; } }
"""


@verb
def report(
    files: Annotated[
        list[Path], typer.Argument(help="Records that the app saved or shared, or outputs of `bench --json`.")
    ],
    out: Annotated[Path | None, typer.Option(help="A page (HTML) to write beside the tables.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare results of phones: times and scores of each model, the fastest first."""
    timed: list[Timed] = []
    scored: list[Scored] = []
    for file in files:
        times, scores = read_results(file)
        timed += times
        scored += scores
    timed.sort(key=lambda one: (one.model, one.p50_ms))
    scored.sort(key=lambda one: (one.model, one.device))
    if out is not None:
        out.write_text(report_page(timed, scored), encoding="utf-8")
        note(f"wrote {out}")
    if as_json:
        print_json({"times": [asdict(one) for one in timed], "scores": [asdict(one) for one in scored]})
        return
    print_result(_filled("Latency", _TIMES, _NUMBERS, [_time_cells(one) for one in timed]))
    if scored:
        print_result(_filled("Test pictures", _SCORES, ("pictures",), [_score_cells(one) for one in scored]))


def report_page(timed: list[Timed], scored: list[Scored]) -> str:
    """Return one HTML file without scripts or requests to anywhere: bars a model, then the tables."""
    parts = ["<h1>Group-Net on phones</h1>"]
    for model in dict.fromkeys(one.model for one in timed):
        parts.append(f"<h2>{escape(model)}</h2><p>Median, ms.</p>")
        rows = [one for one in timed if one.model == model]
        most = max(one.p50_ms for one in rows)
        for one in rows:
            emulated = EMULATED if EMULATED in one.notes else ""
            label = escape(", ".join(filter(None, (one.device, one.runtime, one.cores, emulated))))
            # Room for the number behind the longest bar.
            width = f"calc((100% - 6rem) * {one.p50_ms / most:.4f})"
            bar = f'<span class="bar" style="width:{width}"></span> {one.p50_ms:.3f}'
            parts.append(f'<div class="row"><div>{label}</div><div>{bar}</div></div>')
    parts += ["<h2>Latency</h2>", _html_table(_TIMES, _NUMBERS, [_time_cells(one) for one in timed])]
    if scored:
        parts += [
            "<h2>Test pictures</h2>",
            _html_table(_SCORES, ("pictures",), [_score_cells(one) for one in scored]),
        ]
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Group-Net on phones</title>"
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _time_cells(one: Timed) -> list[str]:
    times = (f"{value:.3f}" for value in (one.min_ms, one.p50_ms, one.p95_ms))
    return [
        *(one.model, one.device, one.chip, one.runtime, str(one.threads), one.cores or "any"),
        *(*times, str(one.runs), "; ".join(one.notes)),
    ]


def _score_cells(one: Scored) -> list[str]:
    return [one.model, one.device, str(one.images), one.score]


def _filled(title: str, columns: tuple[str, ...], numbers: tuple[str, ...], rows: list[list[str]]) -> "Table":
    from rich.markup import escape as plain

    shown = table(title, *columns, numbers=numbers)
    for row in rows:
        shown.add_row(*map(plain, row))
    return shown


def _html_table(columns: tuple[str, ...], numbers: tuple[str, ...], rows: list[list[str]]) -> str:
    kinds = [' class="number"' if column in numbers else "" for column in columns]
    head = "".join(f"<th{kind}>{column}</th>" for kind, column in zip(kinds, columns, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'
