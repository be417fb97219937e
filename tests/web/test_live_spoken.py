"""Live sessions in which people are heard: begun from a spoken run, covered for the person who plays the doctor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import simulator.acoustics
from scenarios.schema import Turn
from simulator.cli import main
from simulator.session import Heard
from simulator.web.live_actions import Asked, Telling, perform
from simulator.web.live_events import Hub
from simulator.web.live_forms import Fields
from simulator.web.settings import Settings
from simulator.web.sse import Event
from tests.web.conftest import Opened, opened
from tests.web.test_live_pages import do, done, said

CASE = "en-ent-03-librarian-sneezes"
BATCH = {
    "name": "spoken", "cases": [{"library": "en", "ids": [CASE]}], "max_turns": 2, "seed": 5,
    "voice": {"backend": "espeak"}, "listener": {"backend": "transcript", "cer": 0.4}, "output_speech": True,
    "channel": {"noise": {"kind": "pink", "snr_db": 15}},
    "doctors": {"at-the-desk": {"backend": "history-taker"}},
}


@pytest.fixture(scope="module")
def spoken_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "b.yaml").write_text(yaml.safe_dump(BATCH), "utf-8")
    ran = CliRunner().invoke(main, ["run", str(folder / "b.yaml"), "--out", str(folder / "spoken"), "--no-report"])
    assert ran.exit_code == 0, ran.output
    return folder


@pytest.fixture
async def web(spoken_runs: Path, tmp_path: Path) -> AsyncIterator[Opened]:
    async with opened(Settings(runs=spoken_runs, sessions=str(tmp_path / "sessions.sqlite"))) as found:
        yield found


async def begin(web: Opened, keep: int = 2, **fields: str) -> str:
    answer = await web.client.post("/live/new", data={
        "csrf": web.csrf, "run": "spoken", "case": CASE, "from_doctor": "at-the-desk", "trial": "0", "keep": str(keep),
        "doctor": "as:at-the-desk", "patient": "", **fields})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def stepped(web: Opened, name: str) -> tuple[list[Event], Turn]:
    """Take a step as a browser's form does; returns what those who look are told meanwhile, and the turn."""
    session, hub = await web.app.state.site.book.open(name), Hub()
    told: list[Event] = []
    hub.tell = lambda topic, event: told.append(event)  # type: ignore[method-assign]
    info = await session.info()
    fields = Fields({"expected": (await session.snapshot()).revision})
    await perform("step", Asked(web.app.state.site, hub, session, info, info.branches[0], fields, True))
    Telling(Asked(web.app.state.site, hub, session, info, info.branches[0], fields, True), await session.snapshot())(
        Heard("words", "patient", "as a model's words come"))
    await hub.aclose()
    return told, (await session.snapshot()).turns[-1]


async def test_a_session_from_a_spoken_run_is_spoken_and_has_its_sounds(web: Opened) -> None:
    record = web.app.state.site.runs.find("spoken").consultation(CASE, "at-the-desk", 0)
    address = await begin(web)
    shelf = web.app.state.site.book._rooms.shelf
    assert all(shelf.has(ref) for turn in record.turns[:2] for ref in (turn.audio, turn.heard_audio) if ref)
    page = await done(web, address, "run")
    assert said(page) == [turn.text for turn in record.turns] and page.count('class="sound"') == len(record.turns)
    sources = re.findall(r'<audio [^>]*src="([^"]+)"', page)
    assert len(sources) == len(record.turns) + 2, "patients, too, as they arrived behind the room"
    for source in sources:
        sound = await web.client.get(unescape(source))
        assert sound.status_code == 200 and sound.content[:4] == b"RIFF"
    page = await done(web, address, "cast", doctor="as:at-the-desk")
    assert "<b>at-the-desk</b>" in page
    forked = await do(web, address, "fork", keep="1", doctor="as:at-the-desk")
    assert forked.status_code == 303


async def test_the_api_begins_such_a_session_too(web: Opened) -> None:
    asked = {"run": "spoken", "case": CASE, "doctor": {"run": "spoken", "doctor": "at-the-desk"},
             "start": {"doctor": "at-the-desk", "trial": 0, "keep": 1}}
    made = (await web.client.post("/api/v1/sessions", json=asked)).json()
    assert made["branches"][0]["casting"]["speech"]["output_speech"] is True and not made["note"]
    shown = (await web.client.post(f"/api/v1/sessions/{made['id']}/branches/main/next")).json()
    assert shown["record"]["turns"][1]["audio"] and shown["record"]["turns"][1]["heard"]


@pytest.mark.parametrize("why", ["not allowed", "no packages"])
async def test_where_voices_may_not_or_cannot_be_had_everybody_reads(
    web: Opened, spoken_runs: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    run = spoken_runs / "spoken" / "run.json"
    text = run.read_text("utf-8")
    try:
        if why == "not allowed":
            loads = '"listener": {"backend": "whisper", "model": "/etc/passwd"}'
            run.write_text(re.sub(r'"listener": ?\{\s*"backend": ?"transcript"[^}]*\}', loads, text, count=1), "utf-8")
            assert run.read_text("utf-8") != text
        else:
            monkeypatch.setattr(simulator.acoustics, "find_spec", lambda name: None)
        async with opened(web.settings) as fresh:
            address = await begin(fresh)
            page = await done(fresh, address, "step")
    finally:
        run.write_text(text, "utf-8")
    assert "here everybody reads" in page
    assert ("cannot be named by a request" if why == "not allowed" else "clinic-simulator[voice]") in unescape(page)
    assert 'id="turn-0-2"' in page and page.count('class="sound"') == 2, "only what was spoken in the run"


async def test_who_plays_the_doctor_reads_and_plays_only_what_was_heard(web: Opened) -> None:
    record = web.app.state.site.runs.find("spoken").consultation(CASE, "at-the-desk", 0)
    first = record.turns[0]
    assert first.heard != first.text
    address = await begin(web, keep=1, doctor="human")
    page = (await web.client.get(f"{address}?branch=main&t=0")).text
    assert said(page) == [first.heard]
    body = unescape(page.partition('id="record"')[0])
    assert first.text not in body.replace(web.app.state.site.runs.find("spoken").cases()[CASE].chief_complaint, "")
    assert "CER" not in body and "misheard" not in body
    sources = re.findall(r'<audio [^>]*src="([^"]+)"', page)
    assert len(sources) == 1 and "as=heard" in sources[0]
    shelf = web.app.state.site.book._rooms.shelf
    assert (await web.client.get(unescape(sources[0]))).content == shelf.place(first.heard_audio).read_bytes()
    page = await done(web, address, "say", role="doctor", text="Since when?")
    told, second = await stepped(web, address.rpartition("/")[2])
    assert second.role == "patient" and second.text != second.heard
    assert [event.name for event in told] == ["speaking", "turn"] and second.text not in unescape(str(told))
    assert unescape(str(second.heard))[:20] in unescape(str(told))
    page = await done(web, address, "say", role="doctor", text="Hay fever: take an antihistamine.")
    assert "Over:" in page and said(page)[0] == first.text, "when it is over, the truth"
