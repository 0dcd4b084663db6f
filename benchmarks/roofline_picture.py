"""Draw where networks' time goes: for each a stacked bar of its parts, and under it one of their bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

# Told apart by lightness as well as hue, so that the picture survives a grey printer.
_COLOURS = {"binary": "#1b4965", "float": "#5fa8d3", "glue": "#f4a259", "virtual machine": "#bbbbbb"}
_SUFFIXES = (".svg", ".png")


@dataclass(frozen=True)
class Bar:
    """A stacked bar: its label, and the length in ms of each part, in the order of drawing."""

    label: str
    segments: tuple[tuple[str, float], ...]


def bars(rows: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """The bars of the roofline benchmark's rows, top to bottom."""
    drawn = []
    for name in dict.fromkeys(row["name"] for row in rows):
        parts = [row for row in rows if row["name"] == name and row["part"] in _COLOURS]
        drawn.append(Bar(f"{name}\nmeasured", tuple((row["part"], row["median_ms"]) for row in parts)))
        drawn.append(Bar("bound", tuple((row["part"], row["bound_ms"]) for row in parts)))
    return drawn


def check_picture(out: Path) -> None:
    """Refuse before anything is measured what could not be drawn afterwards.

    Raises:
        BenchmarkError: matplotlib is not installed, or the file's suffix is neither .svg nor .png.
    """
    if out.suffix not in _SUFFIXES:
        raise BenchmarkError(f"expected a picture named {' or '.join(_SUFFIXES)}; got {out}")
    if find_spec("matplotlib") is None:
        raise BenchmarkError(
            "expected matplotlib to draw with; got none: pip install -c constraints.txt '.[peers]'"
        )


def draw_picture(rows: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Write the picture; the same rows give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")  # no display is needed
    from matplotlib import pyplot

    stacked = bars(rows)
    settings = {"svg.hashsalt": "roofline", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.5 * len(stacked)))
        for height, bar in enumerate(stacked):
            left = 0.0
            for part, length in bar.segments:
                axes.barh(height, length, left=left, height=0.7, color=_COLOURS[part])
                left += length
            axes.text(left, height, f" {left:.1f}", va="center")
        for part, colour in _COLOURS.items():
            axes.barh(0, 0, color=colour, label=part)
        axes.set_yticks(range(len(stacked)), [bar.label for bar in stacked])
        axes.invert_yaxis()
        axes.set_xlabel("ms a run, median; the bound is what the machine's ceilings allow")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
        pyplot.close(figure)
