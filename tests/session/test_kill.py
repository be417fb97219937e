"""kill -9 while a session is stepped: nothing that was shown as finished is lost, doubled or changed."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Session, Snapshot, open_book
from tests.forked import ForkedClinics

KILLS = 20
EXCHANGES = 50
TURN = re.compile(rb"\[main (\d+) (patient|doctor)\] (.*)")
IMPORTS = (
    "simulator.terminal.sitting", "agents.doctors.scripted", "agents.patients.scripted", "agents.examiners.record",
    "aiosqlite", "langgraph.checkpoint.sqlite.aio", "langgraph.store.sqlite", "agents.knowledge.lexicon",
)
"""What a step would import."""


class Clinics(ForkedClinics):
    """Commands of ``clinic`` that are told to ``run``."""

    def begin(self, *words: str | Path, typed: str = "run\n") -> tuple[int, Path]:
        """Start one of them; returns its process id and the file that it writes to."""
        return super().begin(*words, typed=typed)


@pytest.fixture
def clinics(tmp_path: Path) -> Iterator[Clinics]:
    made = Clinics(tmp_path, *IMPORTS)
    yield made
    made.close()


def batch(tmp_path: Path) -> Path:
    path = tmp_path / "batch.yaml"
    path.write_text(yaml.safe_dump({
        "name": "killed", "cases": [{"library": "zh", "limit": 1}], "max_turns": EXCHANGES,
        "doctors": {"fake": {"backend": "scripted-doctor", "wait_s": 0.004,
                             "lines": [f"问题 {number}？" for number in range(EXCHANGES)]}},
        "patient": {"backend": "scripted-patient", "wait_s": 0.004,
                    "lines": [f"回答 {number}。" for number in range(EXCHANGES)]},
    }, allow_unicode=True), "utf-8")
    return path


def shown(output: Path) -> list[tuple[int, bytes, bytes]]:
    """Return the turns whose lines were written in whole, as number, role and words."""
    whole = output.read_bytes().split(b"\n")[:-1] if output.exists() else []
    return [(int(found[1]), found[2], found[3]) for line in whole if (found := TURN.fullmatch(line))]


def resumed(output: Path) -> list[tuple[int, bytes, bytes]] | None:
    """Return the turns that a process found stored, when it came as far as to say all of them."""
    text = output.read_bytes() if output.exists() else b""
    found, status, _ = text.partition(b"\n= main: ")
    return [turn for turn in shown(output) if turn[0] <= found.count(b"\n[main ")] if status else None


def kill_at(pid: int, output: Path, after: int, pause_s: float) -> None:
    """Kill the process once it has shown ``after`` turns, and a moment has passed."""
    while len(shown(output)) < after:
        if not ForkedClinics.running(pid):
            return
        time.sleep(0.001)
    time.sleep(pause_s)
    ForkedClinics.kill(pid)


def test_twenty_kills_lose_and_double_nothing(tmp_path: Path, clinics: Clinics) -> None:
    file, chance = batch(tmp_path), random.Random(20)
    place = ("--plain", "--sessions", tmp_path / "sessions.sqlite")
    clinics.begin("step", file, "--plain", "--sessions", tmp_path / "undisturbed.sqlite")
    clinics.wait()
    undisturbed = shown(tmp_path / "output-1.txt")
    assert [number for number, _, _ in undisturbed] == list(range(1, 2 * EXCHANGES + 1))

    pid, output = clinics.begin("step", file, *place)
    known: list[tuple[int, bytes, bytes]] = []
    found_again = 0
    for kill in range(KILLS):
        early = kill > 0 and chance.random() < 0.25
        after = 0 if early else len(known) + chance.randint(1, 4)
        pause_s = chance.uniform(0, 0.1 if early else 0.02)
        kill_at(pid, output, after, pause_s)
        clinics.wait()
        found_again += check(output, known, undisturbed)
        known = max(known, shown(output), key=len)
        session = re.search(r"session (\w+) in", (tmp_path / "output-2.txt").read_text("utf-8"))
        assert session
        pid, output = clinics.begin("step", "--session", session[1], *place)
    clinics.wait()
    check(output, known, undisturbed)
    assert 2 * EXCHANGES > len(known) > KILLS, "the kills fell into the session, not behind its end"
    assert found_again > KILLS // 2
    assert shown(output) == undisturbed


@pytest.mark.parametrize("then", ["next", "say", "rewind", "edit", "fork"])
async def test_a_kill_between_words_and_their_checkpoint_is_mended(tmp_path: Path, then: str) -> None:
    place, case = str(tmp_path / "sessions.sqlite"), library_cases("zh", limit=1)[0]
    async with open_book(place) as book:
        casting = Casting(doctor=BackendRef(backend="history-taker"), doctor_name="history-taker", seed=3)
        session = await book.create(case, casting)
        await session.next()

        async def killed(*words: object) -> object:
            raise OSError("the process ends here")

        book._keeping.saver.aput = killed  # type: ignore[method-assign,assignment]
        with pytest.raises(OSError, match="ends here"):
            await session.next()
    async with open_book(place) as book:
        session = await book.open(session.id)
        before = await session.snapshot()
        assert [turn.role for turn in before.turns] == ["patient", "doctor"] and before.waiting == "patient"
        after = await do(session, then, before.revision)
    expected = {"next": 3, "say": 3, "rewind": 1, "edit": 2, "fork": 2}[then]
    assert len(after.turns) == expected and after.turns[:1] == before.turns[:1]
    assert then in ("edit", "rewind") or after.turns[:2] == before.turns
    assert after.waiting == ("doctor" if len(after.turns) % 2 else "patient")
    assert then != "say" or after.turns[-1].text == "昨天开始的。"
    assert then != "edit" or after.turns[-1].text == "昨天开始的。"


async def do(session: Session, then: str, revision: str) -> Snapshot:
    words = "昨天开始的。"
    if then == "next":
        return await session.next(expected=revision)
    if then == "say":
        return await session.say("main", "patient", words, expected=revision)
    if then == "rewind":
        return await session.rewind("main", 1, expected=revision)
    if then == "edit":
        return await session.edit("main", 2, words, expected=revision)
    return await session.snapshot((await session.fork()).id)


def check(output: Path, known: list[tuple[int, bytes, bytes]], undisturbed: list[tuple[int, bytes, bytes]]) -> bool:
    """Check what a process showed against what was shown before it; returns whether it came as far as to resume."""
    now, found = shown(output), resumed(output)
    assert now == undisturbed[:len(now)], "each turn once, in order, with the words of the undisturbed session"
    if found is None:
        return False
    assert found[:len(known)] == known, "nothing that was shown as finished is lost"
    assert len(found) <= len(known) + 1, "beyond that there is at most the turn that was in flight"
    return True
