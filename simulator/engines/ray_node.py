"""What runs on a Ray node: an actor with agents of its own holds and judges consultations; it touches no run folder.

Everything that comes and goes is JSON text of the project's own records: a batch, a key, a case, turns, a record.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from agents.llm.tape import Reply, on_tape
from agents.sound.shelf import SoundShelf, shelved
from scenarios.errors import ClinicError
from scenarios.schema import AudioRef, Batch, Case, Key, Turn
from simulator.build import Staff, build_staff
from simulator.run_one import conclude, hold

PACKAGES = ("scenarios", "agents", "graphs", "simulator")
COMPARED = ("clinic-simulator", "langgraph", "pydantic", "numpy", "scipy", "bm25s")
TURNS: TypeAdapter[tuple[Turn, ...]] = TypeAdapter(tuple[Turn, ...])


class News(NamedTuple):
    """What happened in a consultation since the last news; ``sounds`` are stored files: reference and bytes."""

    turns: tuple[str, ...] = ()
    held: bool = False
    record: str = ""
    kept: tuple[tuple[str, Reply], ...] = ()
    sounds: tuple[tuple[str, bytes], ...] = ()


class Introduction(NamedTuple):
    """Who an actor is. ``problem``: why it cannot make the batch's agents, or ''."""

    node: str
    versions: dict[str, str]
    fingerprints: dict[str, str]
    problem: str = ""


@dataclass
class Pocket:
    """A tape that keeps replies until the next news takes them along; it replays nothing."""

    replaying: bool = False
    kept: list[tuple[str, Reply]] = field(default_factory=list)

    def find(self, request: str) -> Reply | None:
        """Return None: recorded replies lie with the driver."""
        return None

    def keep(self, request: str, reply: Reply) -> None:
        """Put a reply with those to be sent."""
        self.kept.append((request, reply))

    def empty(self) -> tuple[tuple[str, Reply], ...]:
        """Return what was kept since the last time."""
        kept, self.kept = tuple(self.kept), []
        return kept


def sounds_of(shelf: SoundShelf, turns: tuple[Turn, ...]) -> tuple[tuple[str, bytes], ...]:
    """Return the files that ``turns`` refer to, as far as they are on the shelf."""
    refs = {ref.path: ref for turn in turns for ref in (turn.audio, turn.heard_audio) if ref}
    return tuple(
        (ref.model_dump_json(), shelf.place(ref).read_bytes()) for ref in refs.values() if shelf.has(ref)
    )


def unpack(shelf: SoundShelf, sounds: tuple[tuple[str, bytes], ...]) -> None:
    """Store sounds that came from elsewhere; they are named by their bytes, not by what came with them."""
    for about, content in sounds:
        ref = AudioRef.model_validate_json(about)
        shelf.put_bytes(content, ref.sample_rate_hz, ref.seconds)


class Practice:
    """The actor: many consultations at once on one asyncio loop, all agents made once, at the first call."""

    def __init__(self, batch: str, taping: bool) -> None:
        """Keep the batch as JSON; ``taping``: send the models' replies along with the news."""
        self._batch, self._taping = batch, taping
        self._staff: Staff | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="clinic-sound-")
        self._shelf = SoundShelf(Path(self._folder.name))

    async def introduce(self) -> Introduction:
        """Make the agents and say who is here."""
        try:
            return Introduction(platform.node(), installed(), self._agents().fingerprints)
        except ClinicError as error:
            return Introduction(platform.node(), installed(), {}, str(error))

    async def consult(
        self, key: str, case: str, said: str, sounds: tuple[tuple[str, bytes], ...] = ()
    ) -> AsyncIterator[News]:
        """Hold and judge one consultation, from the turns already ``said``; yields news as it happens.

        ``sounds`` are the files that these turns refer to.
        """
        await asyncio.to_thread(unpack, self._shelf, sounds)
        news: asyncio.Queue[News | None] = asyncio.Queue()
        work = asyncio.create_task(self._work(key, case, said, news))
        try:
            while (first := await news.get()) is not None:
                yield _together(first, news)
            await work
        finally:
            work.cancel()

    async def consult_whole(
        self, key: str, case: str, said: str, sounds: tuple[tuple[str, bytes], ...] = ()
    ) -> list[News]:
        """Do as ``consult`` does and return all news at the end, for connections that carry no streams."""
        return [news async for news in self.consult(key, case, said, sounds)]

    async def close(self) -> None:
        """Let go of the agents' connections."""
        if self._staff is not None:
            await self._staff.close()
        self._shelf.close()
        self._folder.cleanup()

    async def _work(self, key: str, case: str, said: str, news: asyncio.Queue[News | None]) -> None:
        name, pocket = Key.model_validate_json(key), Pocket()

        def tell(**what: Any) -> None:
            news.put_nowait(News(kept=pocket.empty(), **what))

        def told(turn: Turn) -> None:
            tell(turns=(turn.model_dump_json(),), sounds=sounds_of(self._shelf, (turn,)))

        try:
            with on_tape(pocket if self._taping else None), shelved(self._shelf):
                held = await hold(
                    self._agents().rooms[name.doctor], Case.model_validate_json(case), name,
                    said=TURNS.validate_json(said), on_turn=told,
                )
                tell(held=True)
                record = await conclude(held)
                tell(record=record.model_dump_json())
        finally:
            news.put_nowait(None)

    def _agents(self) -> Staff:
        if self._staff is None:
            self._staff = build_staff(Batch.model_validate_json(self._batch))
        return self._staff


def _together(first: News, queue: asyncio.Queue[News | None]) -> News:
    """Return ``first`` and what waits behind it as one; the end mark stays in the queue."""
    every = [first]
    while not queue.empty():
        item = queue.get_nowait()
        if item is None:
            queue.put_nowait(None)
            break
        every.append(item)
    return News(
        tuple(turn for news in every for turn in news.turns), any(news.held for news in every),
        "".join(news.record for news in every), tuple(reply for news in every for reply in news.kept),
        tuple(sound for news in every for sound in news.sounds),
    )


@cache
def installed() -> dict[str, str]:
    """Return the versions that must be equal on all nodes for their words to be equal, and a hash of our own code."""
    root = Path(__file__).resolve().parents[2]
    code = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        code.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    found = {name: _version(name) for name in COMPARED}
    python = ".".join(platform.python_version_tuple()[:2])
    return {**found, "python": python, "code": code.hexdigest()[:16]}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
