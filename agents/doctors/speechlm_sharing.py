"""Lets holders share what is costly to make: made for the first, closed by the last; it knows no model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from agents.llm.places import Places


class Closable(Protocol):
    """What can be let go of."""

    def close(self) -> None:
        """Free everything."""
        ...


Thing = TypeVar("Thing", bound=Closable)


class _Slot(Generic[Thing]):
    """One thing, while somebody holds it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thing: Thing | None = None
        self.holders = 0
        self.places: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()


class Holder(Generic[Thing]):
    """A share in one thing."""

    def __init__(self, slot: _Slot[Thing], held: Thing) -> None:
        """Take a share that is counted already."""
        self._slot: _Slot[Thing] | None = slot
        self.held = held

    def places(self, limit: int) -> Places:
        """Return the places at the thing that all its holders share in the running event loop."""
        if self._slot is None:
            return Places(limit)
        return self._slot.places.setdefault(asyncio.get_running_loop(), Places(limit))

    def leave(self) -> None:
        """Give the share back; the last one closes the thing. Twice is fine."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        with slot.lock:
            slot.holders -= 1
            if slot.holders == 0 and slot.thing is not None:
                thing, slot.thing = slot.thing, None
                thing.close()


class Shared(Generic[Thing]):
    """Things by name; every method may be called from any thread."""

    def __init__(self) -> None:
        """Start with none."""
        self._slots: WeakValueDictionary[str, _Slot[Thing]] = WeakValueDictionary()
        self._lock = threading.Lock()

    def hold(self, name: str, make: Callable[[], Thing]) -> Holder[Thing]:
        """Return a share in the thing called ``name``; others who ask for it meanwhile wait until it is made.

        Raises what ``make`` raises; the next who asks tries again.
        """
        with self._lock:
            slot = self._slots.get(name)
            if slot is None:
                slot = self._slots[name] = _Slot()
        with slot.lock:
            if slot.thing is None:
                slot.thing = make()
            slot.holders += 1
            return Holder(slot, slot.thing)
