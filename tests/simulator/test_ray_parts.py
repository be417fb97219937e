"""What the Ray engine does without a cluster: who may join, what is told once, and what a person is told."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from scenarios.errors import ClinicError, InputError, MissingExtra
from scenarios.schema import Batch, Consultation, Timing, Turn
from simulator.batch import run_batch
from simulator.engines.ray import Visit
from simulator.engines.ray_cluster import cluster, compare
from simulator.engines.ray_node import TURNS, Introduction, News, Practice, installed
from simulator.store import without_timings
from tests.helpers import small_case, small_key

BATCH = Batch.model_validate({
    "name": "b", "cases": [{"library": "en"}], "doctors": {"d": {"backend": "scripted-doctor", "lines": ["Hm."]}},
    "patient": {"backend": "scripted-patient", "lines": ["Hello.", "Oh."], "end_after": 2}, "max_turns": 5,
    "judges": [{"backend": "scripted-judge", "metrics": {"total": 50}}],
})
HERE = Introduction("head", installed(), {"patient": "p", "doctor.d": "q"})


async def news_of(practice: Practice, said: tuple[Turn, ...] = ()) -> list[News]:
    words = small_key().model_dump_json(), small_case().model_dump_json(), TURNS.dump_json(said).decode()
    return [news async for news in practice.consult(*words)]


def listening(told: list[Turn]) -> Visit:
    return Visit(small_key(), small_case(), [], told.append)


def test_a_node_that_is_what_this_machine_is_may_join() -> None:
    compare(HERE, HERE._replace(node="worker"))


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (HERE._replace(node="w", versions={**installed(), "code": "0"}), "node w is not .* code is 0, here"),
        (HERE._replace(node="w", versions={**installed(), "clinic-simulator": "9"}), "clinic-simulator is 9, here"),
        (HERE._replace(node="w", fingerprints={"patient": "p", "doctor.d": "other"}), "doctor.d has other prompts"),
        (HERE._replace(node="w", problem="pip install this"), "node w cannot make .* pip install this"),
    ],
    ids=["other code", "other version", "other prompts", "something missing"],
)
def test_a_node_that_would_say_other_words_is_refused(there: Introduction, said: str) -> None:
    with pytest.raises(ClinicError, match=said):
        compare(HERE, there)


async def test_an_actor_tells_every_turn_and_then_the_record() -> None:
    visit = listening(told := [])
    for news in await news_of(Practice(BATCH.model_dump_json(by_alias=True), taping=False)):
        visit.hear(news)
    assert [turn.text for turn in told] == ["Hello.", "Hm.", "Oh."]
    assert visit.held and visit.record is not None and visit.record.turns == tuple(told) == tuple(visit.turns)
    assert visit.record.metrics["total"] == 50


async def test_a_consultation_goes_on_elsewhere_from_the_turns_that_were_told() -> None:
    practice = Practice(BATCH.model_dump_json(by_alias=True), taping=False)
    whole = await news_of(practice)
    visit = listening([])
    visit.hear(whole[0]._replace(turns=whole[0].turns[:1], held=False, record=""))
    rest = await news_of(practice, tuple(visit.turns))
    assert [Turn.model_validate_json(turn).index for news in rest for turn in news.turns] == [1, 2]


async def test_what_is_told_twice_is_written_once() -> None:
    visit = listening(told := [])
    for news in 2 * await news_of(Practice(BATCH.model_dump_json(by_alias=True), taping=False)):
        visit.hear(news)
    assert [turn.index for turn in told] == [0, 1, 2]


async def test_an_actor_holds_many_consultations_that_do_not_mix() -> None:
    practice = Practice(BATCH.model_dump_json(by_alias=True), taping=False)
    records = []
    for every in await asyncio.gather(*(news_of(practice) for _ in range(20))):
        assert sum(len(news.turns) for news in every) == 3
        records += [Consultation.model_validate_json(news.record) for news in every if news.record]
    words = [without_timings(record.model_copy(update={"timing": Timing()}).model_dump()) for record in records]
    assert len(words) == 20 and all(word == words[0] for word in words)


async def test_an_actor_says_which_agent_it_cannot_make() -> None:
    batch = BATCH.model_copy(update={"doctors": {"d": BATCH.doctors["d"].model_copy(update={"backend": "nobody"})}})
    said = await Practice(batch.model_dump_json(by_alias=True), taping=False).introduce()
    assert "unknown doctor 'nobody'" in said.problem


def test_without_ray_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'clinic-simulator\[ray\]'"), cluster(None):
        pass


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_an_address_where_nobody_listens_is_said_at_once(prefix: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"{prefix}127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="no Ray cluster can be used at .*ray start --head"), cluster(address):
            pass


def test_an_address_without_the_engine_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    from simulator.build import build_staff
    from simulator.plan import Plan

    staff = build_staff(BATCH)
    plan = Plan.whole(BATCH, (small_case(),), staff.fingerprints)
    with pytest.raises(InputError, match="add --engine ray"):
        run_batch(plan, staff, tmp_path / "run", {}, address="auto")
    assert not (tmp_path / "run").exists()
