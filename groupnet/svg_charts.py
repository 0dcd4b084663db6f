"""Two kinds of drawings as SVG text for a page: convergence of a search, and bars of gains.

Colours are the page's (`var(--ink)` and so on), so that drawings follow its light and dark form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 300, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 24
_SLOWEST = 1.5
"""Choices slower than this multiple of the default are drawn at the upper edge."""


@dataclass(frozen=True)
class Convergence:
    """A search, trial by trial.

    Attributes:
        ratios: each trial's time over the default's; None of a failure.
        best: the best so far.
        confirmed: the winner's, measured again; None where nothing was confirmed.
    """

    ratios: Sequence[float | None]
    best: Sequence[float]
    confirmed: float | None


def convergence_chart(search: Convergence) -> str:
    """Draw trials as dots, the best so far as a line, failures at the top, and the confirmed winner."""
    known = [ratio for ratio in search.ratios if ratio is not None]
    bottom = min([1.0, *known, *([search.confirmed] if search.confirmed else [])])
    top = min(_SLOWEST, max([1.0, *known]))
    margin = max(0.01, 0.08 * (top - bottom))
    low, high = bottom - margin, top + margin
    count = max(1, len(search.ratios))

    def x(trial: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * trial / count

    def y(ratio: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - min(ratio, top)) / (high - low)

    parts = [_frame(y, sorted({bottom, 1.0, top}), [(x(0), "0"), (x(count), str(count))])]
    for trial, ratio in enumerate(search.ratios, start=1):
        if ratio is None:
            parts.append(f'<path class="failed" d="M{x(trial):.1f} {_TOP - 6}v6"/>')
        else:
            parts.append(f'<circle class="trial" cx="{x(trial):.1f}" cy="{y(ratio):.1f}" r="1.8"/>')
    steps = [f"M{x(0):.1f} {y(1.0):.1f}"]
    steps += [f"H{x(trial):.1f}V{y(best):.1f}" for trial, best in enumerate(search.best, start=1)]
    parts.append(f'<path class="best" d="{"".join(steps)}"/>')
    if search.confirmed is not None:
        across, down = x(count), y(search.confirmed)
        parts.append(f'<path class="confirmed" d="M{across - 5:.1f} {down:.1f}l5 -5 5 5 -5 5z"/>')
    return _svg(WIDTH, HEIGHT, "Best time so far, by trial", parts)


def gain_bars(gains: Sequence[tuple[str, float]]) -> str:
    """Draw a bar for each label: the share of its time that was saved, from 0 on."""
    row, name_width, width = 20, 330, 760
    most = max([0.01, *(gain for _, gain in gains)])
    scale = (width - name_width - 70) / most
    height = row * len(gains) + 8
    parts = [f'<path class="axis" d="M{name_width} 0V{height}"/>']
    for place, (label, gain) in enumerate(gains):
        middle = place * row + row / 2 + 4
        length = max(0.0, gain) * scale
        text = f'<text class="label" y="{middle + 4:.1f}"'
        parts += [
            f'{text} x="{name_width - 8}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="bar" x="{name_width}" y="{middle - 6:.1f}" width="{length:.1f}" height="12"/>',
            f'{text} x="{name_width + length + 6:.1f}">{100 * gain:.1f} %</text>',
        ]
    return _svg(width, height, "Share of the time that the winner saves, by kernel", parts)


def _frame(y: Callable[[float], float], ratios: Sequence[float], trials: Sequence[tuple[float, str]]) -> str:
    lines = [f'<path class="default" d="M{_LEFT} {y(1.0):.1f}H{WIDTH - _RIGHT}"/>']
    written: list[float] = []
    for ratio in sorted(ratios, key=lambda one: one != 1.0):
        # Labels that would lie on each other are left out, the default's never.
        if all(abs(y(ratio) - y(other)) >= 12 for other in written):
            written.append(ratio)
            lines.append(
                f'<text class="tick" x="{_LEFT - 5}" y="{y(ratio) + 3.5:.1f}" text-anchor="end">'
                f"{100 * ratio:.0f} %</text>"
            )
    lines.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>')
    for across, text in trials:
        lines.append(
            f'<text class="tick" x="{across:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{text}</text>'
        )
    return "".join(lines)


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
