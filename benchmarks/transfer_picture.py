"""Draw what a search gains after so many trials: a curve for each start, and the range of its seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Told apart by lightness as well as hue, so that the picture survives a grey printer.
_COLOURS = ("#1b4965", "#5fa8d3", "#f4a259", "#8c2f39")


def draw_curves(rows: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Write the picture of the transfer benchmark's rows; the same rows give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")  # no display is needed
    from matplotlib import pyplot

    settings = {"svg.hashsalt": "transfer", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(8, 4))
        for start, colour in zip(dict.fromkeys(row["engine"] for row in rows), _COLOURS, strict=False):
            points = [row for row in rows if row["engine"] == start]
            trials = [row["trials"] for row in points]
            shown = {key: [100 * row[key] for row in points] for key in ("gain", "lowest", "highest")}
            axes.plot(trials, shown["gain"], marker="o", color=colour, label=start)
            axes.fill_between(
                trials, shown["lowest"], shown["highest"], color=colour, alpha=0.12, linewidth=0
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks := [row["trials"] for row in rows if row["engine"] == rows[0]["engine"]], ticks)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("choices measured, over all kernels")
        axes.set_ylabel("% of the kernels' time saved")
        axes.set_title(f"{rows[0]['name']}: median of {rows[0]['seeds']} searches, and their range")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
        pyplot.close(figure)
