"""A figure of labelled points with intervals: a share against an error rate; it knows no run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from simulator.drawing import SERIES, WIDTH, Interval, mark, svg, words

TOP, BASE, LEFT, RIGHT = 12.0, 248.0, 40.0, WIDTH - 14.0
_LETTER, _WIDE, _LINE = 6.4, 12.0, 13.0
_GRID = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Dot:
    """A point: ``x`` an error rate from 0, ``y`` a share with its interval; points of one ``kin`` are joined."""

    series: int
    name: str
    x: float
    y: float
    interval: Interval
    kin: str = ""


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (self.left < other.right and other.left < self.right
                and self.top < other.bottom and other.top < self.bottom)


def scatter(dots: Sequence[Dot], title: str) -> Markup:
    """Return the points on a square of shares (up) against rates (across, from 0 to what the largest needs)."""
    step = next((one for one in _GRID if max(dot.x for dot in dots) <= 5 * one), 1.0)
    last = step * max(1, -int(-max(dot.x for dot in dots) // step))

    def x(rate: float) -> float:
        return LEFT + 10 + rate / last * (RIGHT - LEFT - 20)

    def y(share: float) -> float:
        return BASE - min(1.0, max(0.0, share)) * (BASE - TOP)

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        parts.append(words(f"{share:.0%}", LEFT - 6, y(share) + 4, "tick", "end"))
    for tick in range(round(last / step) + 1):
        parts.append(words(f"{100 * tick * step:g}%", x(tick * step), BASE + 17, "tick", "middle"))
    parts.append(words("character error rate", RIGHT, BASE + 32, "tick", "end"))
    places = [(x(dot.x), y(dot.y)) for dot in dots]
    parts += _paths(dots, places)
    for dot, (a, b) in zip(dots, places, strict=True):
        if dot.interval:
            low, high = y(dot.interval[0]), y(dot.interval[1])
            parts.append(f'<line class="span s{dot.series % SERIES}" x1="{a:.1f}" x2="{a:.1f}" '
                         f'y1="{low:.1f}" y2="{high:.1f}"/>')
        parts.append(mark(dot.series, a, b, 4.5))
    parts += _labels(dots, places)
    return svg(parts, BASE + 38, title)


def _paths(dots: Sequence[Dot], places: Sequence[tuple[float, float]]) -> list[str]:
    """Return faint lines through the points of one kin, in the order of their rates."""
    order = sorted(zip((dot.kin for dot in dots), places, strict=True))
    parts = []
    for kin, group in groupby(order, key=lambda pair: pair[0]):
        points = [f"{a:.1f},{b:.1f}" for _, (a, b) in group]
        if kin and len(points) > 1:
            parts.append(f'<polyline class="kin" points="{" ".join(points)}"/>')
    return parts


def _labels(dots: Sequence[Dot], places: Sequence[tuple[float, float]]) -> list[str]:
    """Return each name beside its point, where it covers no other point or name as far as that can be had."""
    taken = [_Box(a - 5, b - 5, a + 5, b + 5) for a, b in places]
    parts = []
    for dot, (a, b) in zip(dots, places, strict=True):
        wide = sum(_WIDE if ord(letter) > 0x2E7F else _LETTER for letter in dot.name)
        spots = [(a + 9, b - 7, "start"), (a - 9, b - 7, "end"), (a + 9, b + 15, "start"), (a - 9, b + 15, "end"),
                 (a + 9, b - 21, "start"), (a - 9, b + 29, "end")]
        boxes = [_box(spot, wide) for spot in spots]
        inside = [k for k, box in enumerate(boxes) if box.left >= LEFT and box.right <= RIGHT + 10 and box.top >= 0]
        free = [k for k in inside if not any(boxes[k].meets(other) for other in taken)]
        chosen = (free or inside or [1])[0]
        taken.append(boxes[chosen])
        parts.append(words(dot.name, spots[chosen][0], spots[chosen][1], "name", spots[chosen][2]))
    return parts


def _box(spot: tuple[float, float, str], wide: float) -> _Box:
    left = spot[0] if spot[2] == "start" else spot[0] - wide
    return _Box(left, spot[1] - _LINE + 3, left + wide, spot[1] + 3)
