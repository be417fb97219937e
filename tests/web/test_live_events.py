"""What browsers that look at a session are told: words, turns, states; streams that break, stop, fall behind, end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from scenarios.errors import NotNow
from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Snapshot
from simulator.web.app import make_app
from simulator.web.live_events import HELD, Hub, Topic
from simulator.web.serving import Server
from simulator.web.serving import listener as bind
from simulator.web.settings import Settings
from simulator.web.sse import Event
from tests.fault_server import Answer, FaultServer
from tests.web.conftest import opened

ZH = library_cases("zh", limit=1)[0]
HERE = Topic("s", "main")
JSON = {"Accept": "application/json"}


async def standing() -> dict[str, Any]:
    return {"mark": "m"}


async def settled(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def listener(hub: Hub) -> AsyncGenerator[Event, None]:
    return hub.watch(HERE, standing)  # type: ignore[return-value]


async def test_who_comes_while_somebody_speaks_hears_it_from_the_beginning() -> None:
    hub, go_on = Hub(), asyncio.Event()

    async def speaks() -> Snapshot:
        hub.tell(HERE, Event("speaking", {"role": "doctor"}))
        hub.tell(HERE, Event("words", {"text": "where "}))
        hub.tell(HERE, Event("words", {"text": "does it hurt"}))
        await go_on.wait()
        raise NotNow("over")

    task = hub.start(HERE, "step", speaks())
    await asyncio.sleep(0.01)
    late = listener(hub)
    heard = [await anext(late), await anext(late), await anext(late)]
    assert {one.name: one.data for one in heard} == {
        "state": {"mark": "m", "running": "step"}, "speaking": {"role": "doctor"},
        "words": {"text": "where does it hurt"}}
    with pytest.raises(NotNow, match="speaking"):
        hub.start(HERE, "step", speaks())
    go_on.set()
    await asyncio.wait({task})
    assert (await anext(late)).data == {"mark": "m", "running": ""}
    await late.aclose()
    await hub.aclose()


async def test_a_browser_that_falls_behind_is_told_to_load_again_and_the_others_miss_nothing() -> None:
    hub = Hub()
    slow, quick = listener(hub), listener(hub)
    assert (await anext(slow)).name == (await anext(quick)).name == "state"
    heard = []
    for number in range(HELD + 5):
        hub.tell(HERE, Event("words", {"text": str(number)}))
        heard.append((await anext(quick)).data["text"])
    assert heard == [str(number) for number in range(HELD + 5)]
    assert [one.name async for one in slow] == ["reload"], "and its stream ends; a browser connects again"
    assert hub.listening == 1
    await quick.aclose()
    await hub.aclose()


async def test_nobody_is_kept_who_has_left_and_nothing_runs_for_nobody() -> None:
    before = len(asyncio.all_tasks())
    hub = Hub(look_s=0.01)
    looked = 0

    async def look() -> dict[str, Any]:
        nonlocal looked
        looked += 1
        return {"looked": looked}

    streams = [hub.watch(Topic("s", f"b{number % 5}"), look) for number in range(50)]
    for stream in streams:
        await anext(stream)
    assert hub.listening == 50 and looked >= 5
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert hub.listening == 0
    await asyncio.sleep(0.05)
    at = looked
    await asyncio.sleep(0.05)
    assert looked == at, "a branch that nobody looks at is not looked after"
    assert len(asyncio.all_tasks()) == before
    ended = hub.watch(HERE, look)
    await anext(ended)
    await hub.aclose()
    assert [one async for one in ended if one.name != "state"] == [] and len(asyncio.all_tasks()) == before


async def test_the_hub_ends_with_the_server(settings: Settings) -> None:
    async with opened(settings) as web:
        hub: Hub = web.app.state.hub
        stream = hub.watch(HERE, standing)
        await anext(stream)
    assert hub.listening == 0 and [one async for one in stream] == []


class Browser:
    """One browser's stream of events, read in a thread of its own, and what it does besides."""

    def __init__(self, server: str, session: str, branch: str = "main") -> None:
        self.told: list[tuple[str, dict[str, Any], float]] = []
        self.client = httpx.Client(base_url=server, timeout=30)
        self.path = f"/live/{session}/events?branch={branch}"
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.ended = False

    def _listen(self) -> None:
        try:
            with self.client.stream("GET", self.path, headers={"Accept": "text/event-stream"}) as stream:
                name = ""
                for line in stream.iter_lines():
                    if self.ended:
                        return
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: "):
                        self.told.append((name, json.loads(line[6:]), time.monotonic()))
        except (httpx.HTTPError, httpx.StreamError):
            return

    def named(self, name: str) -> list[dict[str, Any]]:
        return [data for told, data, _ in tuple(self.told) if told == name]

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, [name for name, _, _ in self.told]
            time.sleep(0.01)


@contextmanager
def looking(server: str, session: str) -> Iterator[Browser]:
    browser = Browser(server, session)
    browser.thread.start()
    try:
        browser.wait(lambda: browser.named("state"))
        yield browser
    finally:
        browser.ended = True
        browser.client.close()


@pytest.fixture
def page(live_server: str) -> Iterator[httpx.Client]:
    """A client that carries the secret of the server's own pages."""
    with httpx.Client(base_url=live_server, timeout=30) as client:
        secret = client.get("/live").text.partition('name="csrf-token" content="')[2].partition('"')[0]
        client.headers["X-CSRF-Token"] = secret
        yield client


def begun(page: httpx.Client, **fields: str) -> str:
    form = {"case": ZH.id, "doctor": "is:history-taker", "patient": "is:agenda", **fields}
    answer = page.post("/live/new", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2].partition("?")[0]


def asked(page: httpx.Client, session: str, action: str, **fields: str) -> httpx.Response:
    return page.post(f"/live/{session}/do/{action}", data=fields, headers=JSON)


def turns_of(page: httpx.Client, session: str) -> list[dict[str, Any]]:
    shown: dict[str, Any] = page.get(f"/api/v1/sessions/{session}/branches/main").json()
    return shown["record"]["turns"]  # type: ignore[no-any-return]


def test_two_browsers_are_told_the_same_turns_once_and_who_comes_back_is_told_where_it_stands(
    page: httpx.Client
) -> None:
    server, session = str(page.base_url), begun(page)
    with looking(server, session) as one, looking(server, session) as two:
        answer = asked(page, session, "step").json()
        assert answer["turns"] == 1 and answer["waiting"] == "doctor" and answer["running"] is False
        one.wait(lambda: one.named("turn") and one.named("state")[-1]["turns"] == 1)
        two.wait(lambda: two.named("turn") and two.named("state")[-1]["turns"] == 1)
        drawn = one.named("turn")[0]["html"]
        assert 'id="turn-0-0"' in drawn and 'id="cursor"' in drawn and ZH.chief_complaint[:6] in drawn
    asked(page, session, "step")
    with looking(server, session) as back:
        assert back.named("state")[0]["turns"] == 2 and back.named("state")[0]["revision"] != answer["revision"]
        asked(page, session, "step")
        back.wait(lambda: back.named("turn"))
        assert [turn["number"] for turn in back.named("turn")] == [3], "what was missed is in the state, not told again"
    assert [turn["number"] for turn in one.named("turn")] == [1]


def test_two_browsers_that_ask_for_the_same_step_get_it_once(page: httpx.Client) -> None:
    session = begun(page)
    revision = page.get(f"/api/v1/sessions/{session}/branches/main").json()["revision"]
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(
        asked(page, session, "step", expected=revision).status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409, 409, 409]
    assert [turn["index"] for turn in turns_of(page, session)] == [0]


def test_words_come_before_the_turn_and_a_stopped_run_keeps_what_was_finished(page: httpx.Client) -> None:
    with FaultServer(latency_s=0.4, words=20) as model:
        session = begun(page, doctor="is:chat", doctor_options=f"model: good, base_url: {model.url}")
        with looking(str(page.base_url), session) as browser:
            model.script.extend([Answer(), Answer(hang_after=6)])
            answer = asked(page, session, "run")
            assert answer.status_code == 200 and answer.json()["running"] is True
            browser.wait(lambda: len(browser.named("turn")) == 3)
            names = [name for name, _, _ in browser.told if name != "state"]
            doctor = names[names.index("turn") + 1:]
            assert doctor[0] == "speaking" and doctor[1:4] == ["words"] * 3
            heard = "".join(data["text"] for data in browser.named("words"))
            html = browser.named("turn")[1]["html"]
            spoken = turns_of(page, session)[1]["text"]
            assert spoken in html and heard.startswith(spoken[:40])
            begins = [at for name, _, at in browser.told if name == "words"][0]
            ends = [at for name, _, at in browser.told if name == "turn"][1]
            assert ends - begins > 0.2, "the words were there while the doctor still spoke"
            before = turns_of(page, session)
            browser.wait(lambda: "".join(d["text"] for d in browser.named("words")) != heard)
            assert asked(page, session, "step").status_code == 409, "somebody is speaking"
            asked(page, session, "stop")
            browser.wait(lambda: browser.named("state")[-1]["running"] == "")
        assert turns_of(page, session) == before and len(before) == 3, "nothing finished is lost, nothing half is kept"
        model.script.clear()
        assert asked(page, session, "step").json()["turns"] == 4, "and it goes on from there"


def test_a_doctor_that_fails_is_named_to_everybody_and_another_goes_on(page: httpx.Client) -> None:
    with FaultServer() as model:
        options = f"model: none, base_url: {model.url}, retries: 0, patience_s: 0"
        session = begun(page, doctor="is:chat", doctor_options=options)
        asked(page, session, "step")
        with looking(str(page.base_url), session) as browser:
            answer = asked(page, session, "step")
            assert answer.status_code == 502 and answer.json()["owner"] == "infrastructure"
            browser.wait(lambda: browser.named("failure"))
            assert "none" in browser.named("failure")[0]["message"]
        shown = page.get(f"/live/{session}").text
        assert "The last step did not end" in shown and len(turns_of(page, session)) == 1
    asked(page, session, "cast", doctor="is:one-shot")
    assert asked(page, session, "step").json()["turns"] == 2
    assert "The last step did not end" not in page.get(f"/live/{session}").text


def test_what_happens_elsewhere_is_seen_and_a_deleted_session_ends_the_stream(page: httpx.Client) -> None:
    session = begun(page)
    with looking(str(page.base_url), session) as browser:
        page.post(f"/api/v1/sessions/{session}/branches/main/next", json={})
        browser.wait(lambda: browser.named("state")[-1]["turns"] == 1)
        marks = {state["mark"] for state in browser.named("state")}
        asked(page, session, "fork", keep="1", label="another")
        browser.wait(lambda: browser.named("state")[-1]["mark"] not in marks)
        assert asked(page, session, "delete").json() == {"href": "/live"}
        browser.wait(lambda: browser.named("gone"))
        browser.thread.join(5)
        assert not browser.thread.is_alive()


async def test_no_stream_stays_behind_when_browsers_come_and_go(settings: Settings) -> None:
    app, up = make_app(settings), threading.Event()
    with bind("127.0.0.1", 0) as bound:
        server = Server(app, up.set)
        serves = asyncio.create_task(server.serve_on(bound))
        await settled(up.is_set)
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        case = Casting(doctor=BackendRef(backend="one-shot"), doctor_name="one-shot")
        session = await app.state.site.book.create(ZH, case)
        hub: Hub = app.state.hub
        async with httpx.AsyncClient(base_url=address) as client:
            for _ in range(5):
                async with client.stream("GET", f"/live/{session.id}/events") as stream:
                    lines = stream.aiter_lines()
                    while await anext(lines) != "event: state":
                        pass
                    assert hub.listening == 1
                await settled(lambda: not hub.listening)
            async with client.stream("GET", f"/live/{session.id}/events"):
                await settled(lambda: hub.listening)
                server.should_exit = True
                await asyncio.wait_for(serves, 10)
        assert hub.listening == 0, "the server ends although a browser still looks"
