"""Small inline SVG figures from plain numbers; colours are classes of the style sheet, and no run is known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 460
SERIES = 6
"""Looks of a series (colour and mark); further ones begin again."""

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Dot:
    """A mean with its interval; ``mean`` None when there is none."""

    series: int
    mean: float | None
    interval: Interval


def mark(series: int, x: float, y: float, size: float = 4.0) -> str:
    """Return the mark of a series, told apart by shape as well as colour."""
    look, r = series % SERIES, size
    place = f'class="mark s{look}"'
    if look in (0, 1):
        return f'<circle {place} cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    if look in (2, 3):
        return f'<rect {place} x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}"/>'
    sign = 1 if look == 4 else -1
    foot = y + sign * r
    points = f"{x:.1f},{y - sign * r * 1.2:.1f} {x + r * 1.15:.1f},{foot:.1f} {x - r * 1.15:.1f},{foot:.1f}"
    return f'<polygon {place} points="{points}"/>'


def key(series: int) -> Markup:
    """Return a series' mark alone, for a legend."""
    shape = mark(series, 7, 7)
    return Markup(f'<svg class="key" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{shape}</svg>')


def forest(mean: float | None, interval: Interval, reach: float) -> Markup:
    """Return one difference on a line whose middle is zero and whose ends are -reach and +reach."""
    if mean is None:
        return Markup("")
    width, y = 180.0, 9.0

    def x(value: float) -> float:
        return width / 2 + max(-1.0, min(1.0, value / reach)) * (width / 2 - 6)

    sure = interval is not None and (interval[0] > 0 or interval[1] < 0)
    line = ""
    if interval:
        line = f'<line class="span" x1="{x(interval[0]):.1f}" x2="{x(interval[1]):.1f}" y1="{y}" y2="{y}"/>'
    return Markup(
        f'<svg class="forest{" sure" if sure else ""}" viewBox="0 0 {width:g} 18" aria-hidden="true">'
        f'<line class="rule" x1="0" x2="{width}" y1="{y}" y2="{y}"/>'
        f'<line class="zero" x1="{width / 2}" x2="{width / 2}" y1="1" y2="17"/>{line}'
        f'<circle class="dot" cx="{x(mean):.1f}" cy="{y}" r="4"/></svg>'
    )


def profile(rows: Sequence[tuple[str, Sequence[Dot]]], low: float, high: float, title: str) -> Markup:
    """Return a dot-and-interval plot: one band a row, one line a series; quieter than a radar, and comparable."""
    lanes = max((len(dots) for _, dots in rows), default=0)
    band = 33 + 11 * lanes
    parts, left, right = [], 2.0, WIDTH - 12.0

    def x(value: float) -> float:
        return left + 6 + (value - low) / (high - low) * (right - left - 6)

    bottom = band * len(rows) + 2
    for tick in range(5):
        at = low + (high - low) * tick / 4
        parts.append(f'<line class="rule" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="18" y2="{bottom}"/>')
        parts.append(words(f"{at:g}", x(at), bottom + 14, "tick", "middle"))
    for index, (name, dots) in enumerate(rows):
        top = index * band
        parts.append(words(name, left, top + 13, "name"))
        for lane, dot in enumerate(dots):
            parts.append(_dot(dot, x, top + 25 + 11 * lane))
    return svg(parts, bottom + 20, title)


def _dot(dot: Dot, x: Callable[[float], float], y: float) -> str:
    if dot.mean is None:
        return ""
    line = ""
    if dot.interval:
        a, b = x(dot.interval[0]), x(dot.interval[1])
        line = f'<line class="span s{dot.series % SERIES}" x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}"/>'
    return line + mark(dot.series, x(dot.mean), y)


def histograms(
    rows: Sequence[tuple[str, Sequence[int], str]], ticks: Sequence[tuple[float, str]], title: str,
    series: Sequence[int] | None = None,
) -> Markup:
    """Return one small histogram a series, each scaled to its own highest bar.

    Args:
        rows: name, count per bin, and a remark that stands at the right.
        ticks: where on the axis (0..1) and what to write there.
        title: what a screen reader says.
        series: the look of each; default: their order.
    """
    band, height, left, right = 62, 34, 2.0, WIDTH - 12.0
    parts = []
    for index, (name, counts, remark) in enumerate(rows):
        base = index * band + 18 + height
        look = (series[index] if series else index) % SERIES
        parts.append(words(name, left, index * band + 12, "name"))
        parts.append(words(remark, right, index * band + 12, "tick", "end"))
        step = (right - left) / max(1, len(counts))
        highest = max(counts, default=0) or 1
        for place, count in enumerate(counts):
            if count:
                tall = max(1.5, height * count / highest)
                parts.append(
                    f'<rect class="bin s{look}" x="{left + place * step + 1:.1f}" y="{base - tall:.1f}" '
                    f'width="{max(1.0, step - 2):.1f}" height="{tall:.1f}"><title>{count}</title></rect>'
                )
        parts.append(f'<line class="base" x1="{left}" x2="{right}" y1="{base}" y2="{base}"/>')
    bottom = len(rows) * band - 6
    for share, label in ticks:
        anchor = "start" if share <= 0 else "end" if share >= 1 else "middle"
        parts.append(words(label, left + share * (right - left), bottom + 10, "tick", anchor))
    return svg(parts, bottom + 16, title)


def curves(rows: Sequence[tuple[str, Sequence[float]]], title: str) -> Markup:
    """Return lines over the exchanges 1, 2, ...; values are shares 0..1."""
    top, base, left, right = 8.0, 248.0, 34.0, WIDTH - 12.0
    last = max((len(values) for _, values in rows), default=1)

    def x(exchange: int) -> float:
        return left + 8 + (exchange - 1) / max(1, last - 1) * (right - left - 16)

    def y(share: float) -> float:
        return base - share * (base - top)

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="rule" x1="{left}" x2="{right}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        parts.append(words(f"{share:.0%}", left - 5, y(share) + 4, "tick", "end"))
    step = max(1, round(last / 8))
    for exchange in range(1, last + 1, step):
        parts.append(words(str(exchange), x(exchange), base + 17, "tick", "middle"))
    for series, (_, values) in enumerate(rows):
        points = [(x(place), y(value)) for place, value in enumerate(values, 1)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline class="curve s{series % SERIES}" points="{path}"/>')
        if last <= 24:
            parts += [mark(series, a, b, 3.2) for a, b in points]
    return svg(parts, base + 24, title)


def words(text: str, x: float, y: float, kind: str, anchor: str = "start") -> str:
    """Return text at a place; ``kind`` is its class, ``anchor`` which part of it stands there."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def svg(parts: Sequence[str], height: float, title: str) -> Markup:
    """Return a whole figure; ``title`` is what a screen reader says."""
    head = f'<svg class="plot" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")
