"""Lays the branches of a session out as a small tree, a lane a branch, turns from left to right; it knows no HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.schema import Turn
from simulator.session import Branch

ROW, WIDTH, EDGE, BEND = 46, 104, 8, 7
LONGEST_STEP, FINE_STEP = 10.0, 8.0
"""Pixels a turn: at most, and from where on every turn gets a dot, not only the last."""


@dataclass(frozen=True)
class Twig:
    """One branch: what its row says and how its lane is drawn.

    ``shares`` is the number of first turns that stand word for word in ``branch.parent``, too. ``path`` is the data of
    an SVG path, ``dots`` the places (x, y) of its own turns, of the last one only where they would touch.
    """

    branch: Branch
    turns: int
    shares: int
    current: bool
    href: str
    path: str
    dots: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """What people call the branch."""
        return self.branch.label or self.branch.id


@dataclass(frozen=True)
class BranchTree:
    """All branches, each under the one it left; ``width`` and ``height`` in pixels, a row is ``row`` high."""

    width: int
    height: int
    row: int
    twigs: tuple[Twig, ...]


def branch_tree(
    branches: Sequence[Branch], turns: Mapping[str, Sequence[Turn]], current: str, href: Callable[[str], str]
) -> BranchTree:
    """Return the tree of ``branches`` (oldest first) with their ``turns`` by branch id.

    Args:
        branches: all of one session.
        turns: what was said in each.
        current: the branch that the page is about.
        href: the address of a branch's page.
    """
    shares = {one.id: _shared(turns[one.id], turns.get(one.parent, ())) for one in branches}
    stems = {one.id: _stem(one, {other.id: other for other in branches}, shares) for one in branches}
    order = _order(branches, stems, shares)
    lanes = {name: place for place, name in enumerate(order)}
    by_id = {one.id: one for one in branches}
    step = min(LONGEST_STEP, (WIDTH - 2 * EDGE) / max(1, *(len(said) for said in turns.values())))
    twigs = []
    for name in order:
        first, last = shares[name], len(turns[name])
        y = (lanes[name] + 0.5) * ROW
        top = (lanes[stems[name]] + 0.5) * ROW if stems[name] else None
        twigs.append(Twig(
            branch=by_id[name], turns=last, shares=first, current=name == current, href=href(name),
            path=_path(EDGE + first * step, EDGE + last * step, top, y),
            dots=tuple((round(EDGE + number * step, 1), y) for number in range(first + 1, last + 1)
                       if number == last or step >= FINE_STEP),
        ))
    return BranchTree(WIDTH, ROW * len(twigs), ROW, tuple(twigs))


def _shared(ours: Sequence[Turn], theirs: Sequence[Turn]) -> int:
    """Return how many first turns say the same."""
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if (one.role, one.text) != (other.role, other.text):
            break
        count += 1
    return count


def _stem(branch: Branch, by_id: Mapping[str, Branch], shares: Mapping[str, int]) -> str:
    """Return the branch whose lane this one leaves: the parent or, before the parent's own turns, who it left."""
    stem = branch.parent
    while stem in by_id and by_id[stem].parent in by_id and shares[branch.id] < shares[stem]:
        stem = by_id[stem].parent
    return stem if stem in by_id else ""


def _order(branches: Sequence[Branch], stems: Mapping[str, str], shares: Mapping[str, int]) -> list[str]:
    """Return the ids with each branch below its stem, the latest fork nearest, so that no two lines cross."""
    order: list[str] = []
    waiting = [one.id for one in reversed(branches) if not stems[one.id]]
    while waiting:
        name = waiting.pop()
        order.append(name)
        waiting += sorted((one.id for one in branches if stems[one.id] == name), key=lambda child: shares[child])
    return order


def _path(start: float, end: float, top: float | None, y: float) -> str:
    """Return a line from where the branch begins to its last turn; from ``top`` down in a bend when it is a fork."""
    if top is None:
        return f"M{start:g} {y:g}H{end:g}" if end > start else f"M{start:g} {y:g}h1"
    right = max(end, start + BEND)
    return f"M{start:g} {top:g}V{y - BEND:g}q0 {BEND} {BEND} {BEND}" + (f"H{right:g}" if right > start + BEND else "")
