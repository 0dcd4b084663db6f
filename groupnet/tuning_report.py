"""The page that `groupnet tune report` writes: what tuning found, how it got there, and what failed.

One file without scripts and without requests to anywhere: drawings are SVG, the style is in the page.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from groupnet.kernel_labels import kernel_labels
from groupnet.svg_charts import Convergence, convergence_chart, gain_bars
from groupnet.tuning_ceilings import Peak
from groupnet.tuning_history import KernelHistory, PlaceHistory

_STYLE = Path(__file__).with_suffix(".css")
_SHOWN_FAILURES = 30
_NUMBERS = ("trials", "failed", "default µs", "best µs", "saved", "of ceiling", "drift")


def report_page(title: str, places: Sequence[PlaceHistory], peaks: Sequence[Peak]) -> str:
    """Return the page as HTML."""
    ceilings = {(peak.core, peak.threads): peak for peak in peaks}
    trials, failed = sum(place.trials for place in places), sum(len(place.failures) for place in places)
    kernels = len({kernel.key for place in places for kernel in place.kernels})
    body = [
        f"<h1>Tuning records: {escape(title)}</h1>",
        f"<p>{trials} measurements of {kernels} kernels, {failed} of them failures.</p>",
        *(_place(place, ceilings.get((place.core, place.threads))) for place in places),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tuning records: {escape(title)}</title>"
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style></head>\n"
        f"<body>\n{chr(10).join(body)}\n</body>\n</html>\n"
    )


def _place(place: PlaceHistory, peak: Peak | None) -> str:
    labels = kernel_labels(kernel.key for kernel in place.kernels)
    badge = ' <span class="badge">emulated: these times are no latencies</span>' if place.emulated else ""
    threads = f"{place.threads} thread{'s' * (place.threads > 1)}"
    parts = [f"<h2>{escape(place.core)}, {threads}{badge}</h2>", _where(place)]
    gains = [(labels[kernel.key], kernel.gain) for kernel in place.kernels]
    known = [(label, gain) for label, gain in gains if gain is not None]
    if known:
        parts += [
            "<h3>Gain by kernel</h3>",
            '<p class="note">Share of the default\'s time that the confirmed winner saves.</p>',
            gain_bars(sorted(known, key=lambda pair: -pair[1])),
        ]
    parts += ["<h3>Convergence</h3>", _KEY, '<div class="grid">']
    parts += [_figure(labels[kernel.key], kernel) for kernel in place.kernels]
    parts += ["</div>", "<h3>Kernels</h3>", _table(place, labels, peak)]
    if place.failures:
        parts += ["<h3>Failures</h3>", _failures(place, labels)]
    return "\n".join(parts)


_KEY = (
    '<p class="note">Time over the default\'s, by trial. Dots: one choice each. Line: the best so far. '
    "Diamond: the winner, measured again and longer. Marks at the top: failures.</p>"
)


def _where(place: PlaceHistory) -> str:
    told = (f"Measured on {one.cpu} with groupnet {one.groupnet} and TVM {one.tvm}" for one in place.where)
    return "".join(f'<p class="where">{escape(text)}</p>' for text in dict.fromkeys(told))


def _figure(label: str, kernel: KernelHistory) -> str:
    confirmed = kernel.winner.ratio if kernel.winner else None
    ratios = [record.ratio for record in kernel.trials]
    chart = convergence_chart(Convergence(ratios, kernel.best, confirmed))
    chosen = f"<code>{escape(kernel.winner.choice)}</code>" if kernel.winner else "not confirmed yet"
    return f"<figure>{chart}<figcaption><b>{escape(label)}</b>{chosen}</figcaption></figure>"


def _table(place: PlaceHistory, labels: Mapping[str, str], peak: Peak | None) -> str:
    head = "".join(f'<th class="number">{name}</th>' for name in _NUMBERS)
    rows = [f"<tr><th>kernel</th><th>winner</th>{head}</tr>"]
    for kernel in place.kernels:
        winner = kernel.winner
        cells = (
            str(len(kernel.trials)),
            str(len(kernel.failures)) if kernel.failures else "",
            _microseconds(winner.default_seconds if winner else kernel.default_seconds),
            _microseconds(winner.seconds if winner else None),
            _percent(kernel.gain),
            _percent(peak.share(kernel.key, winner.seconds) if peak and winner and winner.seconds else None),
            f"{kernel.drift:.2f}" if kernel.drift else "",
        )
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        choice = f"<code>{escape(winner.choice)}</code>" if winner else ""
        named = f'<td title="{escape(kernel.key)}">{escape(labels[kernel.key])}</td>'
        rows.append(f"<tr>{named}<td>{choice}</td>{numbers}</tr>")
    ceiling = "No ceiling was measured here."
    if peak:
        signs, floats = peak.binary_macs_s / 1e9, peak.float_macs_s / 1e9
        ceiling = f"Ceilings: {signs:,.0f} GbMAC/s of signs, {floats:,.1f} GMAC/s of floats."
    drift = "Drift: largest over smallest time of the default, which is measured beside every choice."
    return f'<div class="table"><table>{"".join(rows)}</table></div><p class="note">{ceiling} {drift}</p>'


def _failures(place: PlaceHistory, labels: Mapping[str, str]) -> str:
    outcomes = Counter(record.outcome for record in place.failures)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    rows = ["<tr><th>kernel</th><th>choice</th><th>outcome</th><th>reason</th></tr>"]
    rows += [
        f"<tr><td>{escape(labels[record.key])}</td><td><code>{escape(record.choice)}</code></td>"
        f'<td>{record.outcome}</td><td class="reason">{escape(record.reason)}</td></tr>'
        for record in place.failures[:_SHOWN_FAILURES]
    ]
    more = len(place.failures) - _SHOWN_FAILURES
    rest = f'<p class="note">{more} more are in the records.</p>' if more > 0 else ""
    return f'<p>{counted}.</p><div class="table"><table>{"".join(rows)}</table></div>{rest}'


def _microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
