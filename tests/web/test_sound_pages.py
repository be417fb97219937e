"""Pages of a run with sound: players, what was heard, both sounds of a turn, facts, figures; over the real routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from scenarios.schema import KeyId, Turn
from simulator.pages import environment
from simulator.showing.consultation_page import column_of
from simulator.site.names import consultation, sound
from simulator.site.write import Wanted, write_site
from simulator.summary import write_summary
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.simulator.spoken_run import DOCTORS, MARKUP, Spoken, write_spoken_run
from tests.web.conftest import opened
from tests.web.stored_runs import Page

LINKS = ServerLinks("0")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    run = write_spoken_run(tmp_path_factory.mktemp("spoken") / "runs" / "run", hostile=True)
    write_summary(run.folder)
    return run


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(spoken: Spoken, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    sessions = str(tmp_path_factory.mktemp("sessions") / "sessions.sqlite")
    async with opened(Settings(spoken.folder.parent, sessions)) as found:
        yield found.client


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_each_spoken_turn_has_a_player_with_its_waveform(client: httpx.AsyncClient, spoken: Spoken) -> None:
    record = spoken.one("en")
    answer = await client.get(LINKS.consultation("run", record.key))
    page = Page(answer.text)
    assert "media-src 'self'" in answer.headers["content-security-policy"]
    players = page.all("div", class_="sound")
    assert len(players) == len(page.all("svg", class_="peaks")) == len(record.turns) == 6
    strokes = [one["d"].count("M") for one in page.all("path") if one["d"].count("M") > 2]
    assert strokes == [64] * 6
    for slider, turn in zip(page.all("div", role="slider"), record.turns, strict=True):
        assert turn.audio and slider["aria-valuemax"] == f"{turn.audio.seconds:.1f}" and slider["tabindex"] == "0"
        assert slider["aria-label"] == f"position in the sound of turn {turn.index + 1}"
    assert page.all("button", class_="play")[2]["aria-label"] == "Play turn 3, 1.2 seconds"
    assert "play all" in page.all("button", class_="play-all")[0]["text"]
    assert [one["preload"] for one in page.all("audio")] == ["none"] * 7, "the interrupted turn has two sounds"


async def test_what_was_heard_is_marked_and_markup_in_it_is_text(client: httpx.AsyncClient, spoken: Spoken) -> None:
    page = Page((await client.get(LINKS.consultation("run", spoken.one("en").key))).text)
    first = page.all("div", class_="misheard")[0]
    assert first["text"].startswith("heard doctor my chestchess has been aching since") and "WER" in first["text"]
    assert [one["text"] for one in page.all("del")][:2] == ["chest", "Monday"]
    assert page.all("ins")[0]["text"] == "chess" and MARKUP in first["text"]
    assert not page.all("img") and all(one.get("src") for one in page.all("script"))
    chinese = Page((await client.get(LINKS.consultation("run", spoken.one("zh").key))).text)
    assert [one["text"] for one in chinese.all("del")][:3] == ["胃", "了，", "点"]
    assert chinese.all("span", class_="marked")[0]["lang"] == "zh-Hans"


async def test_silence_interruption_and_facts_stand_with_their_turn(client: httpx.AsyncClient, spoken: Spoken) -> None:
    record = spoken.one("zh", DOCTORS[1])
    page = Page((await client.get(LINKS.consultation("run", record.key))).text)
    turns = [page.all("div", id=f"turn-0-{index}")[0]["text"] for index in range(6)]
    assert "says nothing" in turns[2] and "heard" not in turns[2].split("says nothing")[0].replace("as heard", "")
    assert "interrupted after" in turns[3] and len(page.all("line", class_="cut")) == 1
    for said in ("room and line", "STOI", "0.87", "80% of the sound", "female adult f3"):
        assert said in turns[0], said
    assert "overlaps by 0.31 s" in turns[4] and "said before: taken from the cache" in turns[4]
    assert "三十八点五摄氏度" in turns[1], "as it was read aloud"


async def test_both_sounds_of_a_turn_are_served_and_can_be_sought_in(client: httpx.AsyncClient, spoken: Spoken) -> None:
    key = spoken.one("en", DOCTORS[1]).key
    turn: Turn = spoken.one("en", DOCTORS[1]).turns[0]
    assert turn.audio and turn.heard_audio and turn.audio.path != turn.heard_audio.path
    api = f"/api/v1/runs/run/consultations/{key.case}/{key.doctor}/0/audio/0"
    for heard, ref in ((False, turn.audio), (True, turn.heard_audio)):
        content = (spoken.folder / ref.path).read_bytes()
        for address in (LINKS.audio("run", key, 0, heard), api + ("?as=heard" if heard else "")):
            assert (await client.get(address)).content == content
            part = await client.get(address, headers={"Range": "bytes=44-143"})
            assert (part.status_code, part.content) == (206, content[44:144])
            assert part.headers["content-type"] == "audio/wav" and part.headers["x-content-type-options"] == "nosniff"
    assert (await client.get(LINKS.audio("run", key, 1, heard=True))).status_code == 404, "all of it arrived"
    assert (await client.get(LINKS.audio("run", key, 0) + "?as=x")).status_code == 400
    assert (await client.get(api.replace("/0/audio/0", "/0/audio/99"))).status_code == 404


async def test_doctors_stand_side_by_side_each_with_its_own_sounds(client: httpx.AsyncClient, spoken: Spoken) -> None:
    page = Page((await client.get(LINKS.compare("run", "spoken-en"))).text)
    columns = [one["data-column"] for one in page.all("div", class_="head")]
    assert columns == ["0", "1"] and len(page.all("button", class_="play-all")) == 2
    assert len(page.all("div", class_="sound")) == 12
    assert any(one["src"].endswith("?as=heard") and DOCTORS[1] in one["src"] for one in page.all("audio"))


async def test_the_page_of_a_run_tells_how_it_sounded(client: httpx.AsyncClient, spoken: Spoken) -> None:
    page = Page((await client.get(LINKS.run("run"))).text)
    (section,) = page.all("section", id="speech")
    assert "Character errors (CER)" in section["text"] and "not measured: run clinic measure RUN" in section["text"]
    assert page.all("svg", aria_label="Gaps between speakers by doctor")
    assert "Speech" in {link["text"] for link in page.all("a") if link["href"] == "#speech"}


async def test_a_static_site_has_both_sounds_and_the_figures(spoken: Spoken, tmp_path: Path) -> None:
    written = write_site(spoken.folder, tmp_path / "site", Wanted(), begin=lambda _: None, done=lambda: None)
    record = spoken.one("zh", DOCTORS[1])
    name = KeyId(record.key.case, record.key.doctor, 0)
    path = tmp_path / "site" / consultation(name)
    page = Page(path.read_text("utf-8"))
    kept = {(path.parent / one["src"]).resolve() for one in page.all("audio")}
    assert all(one.is_file() for one in kept) and (tmp_path / "site" / sound(name, 0, ".wav", heard=True)) in kept
    assert len(list((tmp_path / "site" / "audio").rglob("*.wav"))) == written.sounds == 4 * 6 + 4 + 2 * 3
    assert [Path(one["src"]).name for one in page.all("script")] == ["player.js", "page.js"]
    assert 'id="speech"' in (tmp_path / "site" / "index.html").read_text("utf-8")


async def test_a_live_turn_is_played_from_the_sessions_own_sounds(spoken: Spoken) -> None:
    record = spoken.one("en")
    column = column_of(
        record, None, LINKS, "", sounds=lambda turn, heard: LINKS.live_audio("s", "main", turn.index, heard)
    )
    source = '{% import "web/chat.html.j2" as draw %}{{ draw.chat([column]) }}'
    page = Page(environment().from_string(source).render(column=column))
    assert page.all("audio")[0]["src"] == "/live/s/audio/main/0"
    assert page.all("audio")[4]["src"] == "/live/s/audio/main/3?as=heard"
    assert not Page(environment().from_string(source).render(column=column_of(record, None, LINKS, ""))).all("audio")


async def test_a_session_that_goes_on_from_a_stored_consultation_plays_what_was_said(
    client: httpx.AsyncClient, spoken: Spoken
) -> None:
    record = spoken.one("en", DOCTORS[1])
    csrf = Page((await client.get("/live")).text).all("meta", name="csrf-token")[0]["content"]
    asked = {"csrf": csrf, "run": "run", "case": record.key.case, "from_doctor": DOCTORS[1], "trial": "0", "keep": "4",
             "doctor": "is:history-taker", "patient": "is:agenda"}
    answer = await client.post("/live/new", data=asked)
    page = Page((await client.get(answer.headers["location"])).text)
    files = [ref for turn in record.turns[:4] for ref in (turn.audio, turn.heard_audio) if ref]
    assert len(page.all("audio")) == len(files) == 7 and page.all("button", class_="play-all")
    for player, ref in zip(page.all("audio"), files, strict=True):
        assert (await client.get(player["src"])).content == (spoken.folder / ref.path).read_bytes()
    first = page.all("audio")[0]["src"]
    assert (await client.get(first.removesuffix("0") + "77")).status_code == 404
    assert any(one["src"].startswith("/static/player.js") for one in page.all("script"))
