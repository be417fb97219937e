"""A consultation in steps: the same on SQLite and on a real Postgres server, in both languages."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from scenarios.errors import AgentFailure, InputError, NotNow, Stale, UnknownName
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Case, Persona, Turn
from simulator.session import HUMAN, Casting, Heard, Session, Snapshot, open_book
from simulator.session.keeping import TYPES
from simulator.showing.live_page import known_doctors, known_patient
from tests.session.conftest import cast

PERSON = BackendRef(backend=HUMAN)
ONE_SHOT = BackendRef(backend="one-shot")


def texts(shown: Snapshot) -> list[str]:
    return [turn.text for turn in shown.turns]


async def stepped(session: Session, count: int, branch: str = "main") -> Snapshot:
    for _ in range(count):
        shown = await session.next(branch)
    return shown


async def test_steps_say_what_a_run_to_the_end_says_and_every_turn_is_heard(place: str, case: Case) -> None:
    async with open_book(place) as book:
        heard: list[Heard] = []
        whole = await (await book.create(case, cast())).run(hear=heard.append)
        session = await book.create(case, cast())
        shown = await session.snapshot()
        assert shown.turns == () and shown.waiting == "patient" and not shown.ended
        while not shown.ended:
            before = shown
            shown = await session.next()
            assert len(shown.turns) == len(before.turns) + 1 and shown.revision != before.revision
    assert texts(shown) == texts(whole) and len(texts(whole)) > 4
    assert shown.record.stop_reason == whole.record.stop_reason != "failed"
    assert [h.turn.text for h in heard if h.turn] == texts(whole)
    assert [h.role for h in heard if h.kind == "speaking"] == [turn.role for turn in whole.turns]


async def test_going_back_and_on_says_the_same_again_and_a_fork_keeps_both(place: str, case: Case) -> None:
    async with open_book(place) as book:
        session = await book.create(case, cast())
        first = await stepped(session, 4)
        back = await session.rewind("main", 1)
        assert texts(back) == texts(first)[:1] and back.waiting == "doctor"
        assert texts(await stepped(session, 3)) == texts(first)
        branch = await session.fork("main", 1, doctor=ONE_SHOT, label="at once")
        other, whole = await session.run(branch.id), await session.run("main")
        assert other.turns[:1] == whole.turns[:1]
        assert other.turns[1].text != whole.turns[1].text and other.turns[1].backend == "one-shot"
        info = await session.info()
        assert [(b.id, b.parent, b.shared, b.label) for b in info.branches] == [
            ("main", "", 0, ""), ("b2", "main", 1, "at once")]
        assert other.record.key.trial == 1 and other.record.key.doctor == "one-shot"
        assert other.record.key.config_hash != whole.record.key.config_hash
        empty = await session.rewind(branch.id, 0)
        assert empty.turns == () and texts(await session.next(branch.id)) == texts(whole)[:1]


async def test_going_back_in_a_fork_of_a_fork_reaches_turns_spoken_long_before(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(place) as book:
        session = await book.create(case, cast())
        spoken = texts(await stepped(session, 5))
        second = await session.fork("main", 4)
        third = await session.fork(second.id, 3, seed=99)
        assert texts(await session.rewind(third.id, 2)) == spoken[:2]
        assert texts(await session.rewind(third.id, 1)) == spoken[:1]
        assert texts(await session.snapshot("main")) == spoken, "a fork's past is its own"
        casting = (await session.info()).branch(third.id).casting
        assert casting.seed == 99 and casting.doctor == cast().doctor


async def test_a_fork_may_change_patient_persona_and_length(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(place) as book:
        session = await book.create(case, cast())
        await stepped(session, 2)
        persona = Persona(personality="talkative", recall="low")
        branch = await session.fork("main", 1, persona=persona, max_turns=2, name="talkative")
        shown = await session.run(branch.id)
        assert branch.id == "talkative" and branch.casting.persona == persona
        assert branch.casting.patient.backend == "agenda" and shown.turns[-1].exchange <= 2
        with pytest.raises(NotNow, match="already"):
            await session.fork("main", name="talkative")
        with pytest.raises(InputError, match="no name for a branch"):
            await session.fork("main", name="../x y")


async def test_a_person_takes_over_as_doctor_and_as_patient(place: str, case: Case) -> None:
    fact = next(f for f in case.facts if f.critical)
    async with open_book(place) as book:
        session = await book.create(case, cast(doctor=PERSON, doctor_name="me"))
        shown = await session.next()
        assert shown.for_human and shown.waiting == "doctor"
        with pytest.raises(NotNow, match="the doctor is a person"):
            await session.next()
        shown = await session.say("main", "doctor", "  What brings you here? 您怎么了？ ")
        assert shown.turns[1].backend == HUMAN and shown.turns[1].text == "What brings you here? 您怎么了？"
        shown = await session.say("main", "patient", fact.text)
        assert shown.turns[2].role == "patient" and fact.id in shown.turns[2].disclosed
        with pytest.raises(NotNow, match="not the patient's turn"):
            await session.say("main", "patient", "again")
        with pytest.raises(NotNow, match="empty"):
            await session.say("main", "doctor", "  ")
        given_back = await session.cast("main", doctor=cast().doctor)
        assert given_back.casting.doctor_name == "history-taker"
        shown = await session.next()
        assert shown.turns[3].backend == "history-taker"
        ended = await session.say("main", "patient", "Thank you, goodbye.", end="farewell")
        assert ended.ended and ended.record.stop_reason == "farewell"
        with pytest.raises(NotNow, match="is over"):
            await session.next()


async def test_examinations_are_ordered_before_and_after_the_doctors_words(place: str, case: Case) -> None:
    finding = case.findings[0]
    async with open_book(place) as book:
        session = await book.create(case, cast())
        await session.next()
        shown = await session.examine("main", (finding.name, " ", finding.name))
        asked, report = shown.turns[1:]
        assert asked.role == "doctor" and asked.requests == (finding.name,) and finding.name in asked.text
        assert report.role == "examiner" and finding.id in report.disclosed and shown.waiting == "patient"
        with pytest.raises(NotNow, match="ordered by the doctor"):
            await session.examine("main", (finding.name,))
        await session.rewind("main", 1)
        words = (await session.next()).turns[1]
        shown = await session.examine("main", (finding.name,))
        assert shown.turns[1].text == words.text and finding.name in shown.turns[1].requests
        assert shown.turns[2].role == "examiner"
        with pytest.raises(NotNow, match="at least one"):
            await session.examine("main", ("",))


async def test_a_rewritten_turn_drops_what_followed_and_the_talk_goes_on(place: str, case: Case) -> None:
    fact = next(f for f in case.facts if f.critical)
    async with open_book(place) as book:
        session = await book.create(case, cast())
        before = await stepped(session, 5)
        shown = await session.edit("main", 3, fact.text)
        assert texts(shown) == [*texts(before)[:2], fact.text] and shown.waiting == "doctor"
        assert shown.turns[2].backend == HUMAN and fact.id in shown.turns[2].disclosed
        shown = await session.edit("main", 2, "Tell me more. 请再说说。")
        assert len(shown.turns) == 2 and shown.turns[1].differential == () and shown.waiting == "patient"
        assert (await session.run("main")).ended
        for number in (0, 99):
            with pytest.raises(NotNow, match="no turn"):
                await session.edit("main", number, "x")


async def test_a_verdict_holds_for_the_turns_that_were_judged(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(place) as book:
        session = await book.create(case, cast())
        with pytest.raises(NotNow, match="nothing to judge"):
            await session.judge()
        await stepped(session, 4)
        judged = await session.judge()
        assert judged.judged and judged.record.metrics["total"] > 0 and judged.record.scored
        further = await session.next()
        assert not further.judged and further.record.verdicts == () and not further.record.scored
        assert (await session.rewind("main", 4)).record.verdicts == judged.record.verdicts


async def test_whoever_was_overtaken_is_told_and_changes_nothing(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(place) as book, open_book(place) as elsewhere:
        mine = await book.create(case, cast())
        theirs = await elsewhere.open(mine.id)
        seen = await mine.next()
        assert (await theirs.snapshot()).revision == seen.revision
        at_once = await asyncio.gather(
            mine.next(expected=seen.revision), theirs.next(expected=seen.revision), return_exceptions=True)
        assert sorted(type(one).__name__ for one in at_once) == ["Snapshot", "Stale"]
        late: list[Callable[[], Awaitable[object]]] = [
            lambda: theirs.run(expected=seen.revision), lambda: theirs.rewind("main", 0, expected=seen.revision),
            lambda: theirs.edit("main", 1, "x", expected=seen.revision),
            lambda: theirs.say("main", "patient", "x", expected=seen.revision),
            lambda: theirs.judge(expected=seen.revision),
        ]
        for action in late:
            with pytest.raises(Stale, match="somebody else"):
                await action()
        assert len((await mine.snapshot()).turns) == 2


async def test_two_people_hold_two_sessions_of_one_case(place: str) -> None:
    case = library_cases("zh", limit=1)[0]
    async with open_book(place) as book, open_book(place) as elsewhere:
        one, two = await book.create(case, cast()), await elsewhere.create(case, cast("one-shot"))
        left, right = await asyncio.gather(one.run(), two.run())
        doctors = [{turn.backend for turn in one.turns if turn.role == "doctor"} for one in (left, right)]
        assert doctors == [{"history-taker"}, {"one-shot"}] and left.ended and right.ended
        assert [info.id for info in await book.list()] == [two.id, one.id]


async def test_another_day_it_is_all_there_and_what_is_deleted_is_gone(place: str, case: Case) -> None:
    async with open_book(place) as book:
        session = await book.create(case, cast(), doctors={"quick": ONE_SHOT}, title="mine", source="batch.yaml")
        await stepped(session, 3)
        await session.fork("main", 2, label="other")
        await session.label("chest pain", "")
        await session.label("first", "main")
        await session.judge()
        known = await session.snapshot()
    async with open_book(place) as book:
        info = (await book.list())[0]
        assert (info.title, info.source, info.doctors) == ("chest pain", "batch.yaml", {"quick": ONE_SHOT})
        assert info.case == case and [branch.label for branch in info.branches] == ["first", "other"]
        again = await book.open(info.id)
        assert await again.snapshot() == known and known.judged
        assert len((await again.next()).turns) == 4
        await book.delete(info.id)
        assert await book.list() == ()
        with pytest.raises(UnknownName, match="session"):
            await book.open(info.id)


async def test_a_session_goes_on_from_turns_spoken_elsewhere(place: str, case: Case) -> None:
    async with open_book(place) as book:
        whole = await (await book.create(case, cast())).run()
        session = await book.create(case, cast(), turns=whole.turns[:3])
        assert texts(await session.snapshot()) == texts(whole)[:3]
        assert texts(await session.run()) == texts(whole)
        assert texts(await session.rewind("main", 1)) == texts(whole)[:1]


async def test_an_agent_that_fails_changes_nothing_and_may_be_replaced(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    dead = BackendRef(backend="chat", model="m", base_url="http://127.0.0.1:9/v1", retries=0, patience_s=0)
    async with open_book(place) as book:
        session = await book.create(case, cast(doctor=dead, doctor_name="dead", retries=0))
        before = await session.next()
        with pytest.raises(AgentFailure) as raised:
            await session.next()
        shown = await session.snapshot()
        assert shown.revision == before.revision and shown.turns == before.turns
        assert shown.unfinished and shown.unfinished.owner == raised.value.owner == "infrastructure"
        await session.cast("main", doctor=ONE_SHOT)
        shown = await session.next()
        assert shown.turns[1].backend == "one-shot" and shown.unfinished is None


async def test_unknown_backends_and_branches_are_refused_before_anything_is_written(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    async with open_book(place) as book:
        with pytest.raises(UnknownName, match="history-taker"):
            await book.create(case, cast("histry-taker"))
        assert await book.list() == ()
        session = await book.create(case, cast())
        for wrong in (BackendRef(backend="nobody"), BackendRef(backend="one-shot", nonsense=1)):
            with pytest.raises(InputError):
                await session.fork(doctor=wrong)
            with pytest.raises(InputError):
                await session.cast("main", doctor=wrong)
        with pytest.raises(UnknownName, match="main"):
            await session.next("b7")
        assert len((await session.info()).branches) == 1


async def test_a_run_that_is_broken_off_keeps_its_finished_turns(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    slow = BackendRef(backend="scripted-doctor", lines=["When?", "And then?"], wait_s=0.05)
    async with open_book(place) as book:
        session = await book.create(case, cast(doctor=slow, doctor_name="slow", max_turns=50))
        said: list[Turn] = []
        enough = asyncio.Event()

        def hear(heard: Heard) -> None:
            said.extend([heard.turn] if heard.turn else [])
            if len(said) == 5:
                enough.set()

        running = asyncio.create_task(session.run(hear=hear))
        await enough.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        shown = await session.snapshot()
        assert texts(shown)[: len(said)] == [turn.text for turn in said] and len(shown.turns) <= len(said) + 1
        assert len((await session.next()).turns) == len(shown.turns) + 1


def test_nothing_in_a_checkpoint_is_brought_to_life_but_what_we_know() -> None:
    """A session file from a stranger: types that are not ours stay data, and nothing is unpickled."""
    case = library_cases("en", limit=1)[0]
    stored = JsonPlusSerializer(allowed_msgpack_modules=True).dumps_typed
    ours = JsonPlusSerializer(allowed_msgpack_modules=TYPES)
    assert ours.loads_typed(stored(case)) == case
    assert not isinstance(ours.loads_typed(stored(ONE_SHOT)), BackendRef)
    with pytest.raises(NotImplementedError):
        ours.loads_typed(("pickle", pickle.dumps({"a": 1})))


async def test_a_place_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, and quite long enough to be told apart from one" * 20)
    for place in (str(tmp_path / "file"), str(tmp_path / "file" / "below.sqlite")):
        with pytest.raises(InputError, match="sessions cannot be kept"):
            async with open_book(place):
                pass
    with pytest.raises(InputError, match="Postgres"):
        async with open_book("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1"):
            pass


async def test_who_was_taken_over_from_is_given_back_to_with_all_options(place: str) -> None:
    case = library_cases("en", limit=1)[0]
    model = {"backend": "llm", "model": "m", "reply_limit": 40}
    async with open_book(place) as book:
        others = {"quick": ONE_SHOT, "careful": cast().doctor}
        session = await book.create(case, cast(doctor_name="careful", patient=model), doctors=others)
        await session.cast("main", patient=PERSON, doctor=PERSON)
        info = await session.info()
        assert info.branches[0].casting.is_human("patient")
        assert known_patient(info).options == {"model": "m", "reply_limit": 40}
        assert list(known_doctors(info)) == ["careful", "quick"]


async def test_what_goes_wrong_elsewhere_is_not_blamed_on_the_sessions(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        async with open_book(str(tmp_path / "sessions.sqlite")):
            tmp_path.read_text()


async def test_a_made_up_branch_leaves_nothing_behind(tmp_path: Path) -> None:
    async with open_book(str(tmp_path / "sessions.sqlite")) as book:
        session = await book.create(library_cases("en", limit=1)[0], cast())
        for action in (session.next("no"), session.rewind("no", 0), session.label("x", "no"), session.cast("no")):
            with pytest.raises(UnknownName):
                await action
        await session.next()
        assert len(list((tmp_path / "sessions.sqlite.locks").iterdir())) == 1


def test_a_snapshot_is_plain_data() -> None:
    casting = Casting.model_validate({"doctor": {"backend": HUMAN}, "doctor_name": "me"})
    assert json.loads(casting.model_dump_json())["doctor"] == {"backend": "human"}
    assert casting.is_human("doctor") and not casting.is_human("patient") and not casting.is_human("examiner")
