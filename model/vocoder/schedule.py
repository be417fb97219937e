"""When a stream's units become sound: how many of those that can be used are taken; it knows no network.

Frames of a chunk that is not complete are computed again, from the chunk's start, when more of it is there. Few pieces
in a chunk mean little computed twice, many mean that sound comes early: so the first pieces are short.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Boundaries of the pieces, in units that can be used (those given, less the look-ahead).

    ``growing``: the first boundaries. ``hop``: units between all later ones. ``every``: where several are reached at
    once take one after another, so that the sound does not depend on how the units arrive; otherwise the largest.
    ``at_once``: no boundaries, take all there is at every push, as the published code does.
    """

    growing: tuple[int, ...] = (7, 17, 27, 37, 50)
    hop: int = 25
    every: bool = True
    at_once: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no schedule."""
        if self.hop < 1 or not self.growing or min(self.growing) < 1 or sorted(set(self.growing)) != [*self.growing]:
            raise ValueError("a schedule needs growing boundaries of at least one unit and a hop of at least one unit")

    def next(self, usable: int, taken: int, shortest: int) -> int:
        """Return up to which of ``usable`` units to go now.

        Args:
            usable: units that can be used.
            taken: how many of them are taken already; where nothing new is to be done, this comes back.
            shortest: what the first piece must have at least.
        """
        at_least = max(taken + 1, 0 if taken else shortest)
        if usable < at_least:
            return taken
        if self.at_once:
            return usable
        return self._after(at_least, usable, taken) if self.every else self._before(usable, at_least, taken)

    def _after(self, at_least: int, usable: int, taken: int) -> int:
        """The first boundary that is not below ``at_least``, if it is reached."""
        last = self.growing[-1]
        if at_least <= last:
            boundary = self.growing[bisect_left(self.growing, at_least)]
        else:
            boundary = last - (last - at_least) // self.hop * self.hop
        return boundary if boundary <= usable else taken

    def _before(self, usable: int, at_least: int, taken: int) -> int:
        """The last boundary that is reached, if it is not below ``at_least``."""
        last = self.growing[-1]
        if usable >= last:
            boundary = last + (usable - last) // self.hop * self.hop
        else:
            boundary = (0, *self.growing)[bisect_right(self.growing, usable)]
        return boundary if boundary >= at_least else taken


AT_ONCE = Schedule(at_once=True)
