"""The pages that start batches, asked as a browser without scripts asks them, and the events a script listens to."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.web.batches import EXAMPLE
from simulator.web.job_check import check_text
from simulator.web.job_store import FOLDER, Overrides
from simulator.web.settings import Settings
from tests.web.conftest import Opened, opened

TINY = """\
name: tiny
cases: [{library: zh, limit: 2}]
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
"""


@pytest.fixture
async def web(tmp_path: Path, root: Path) -> AsyncIterator[Opened]:
    quick = root / "scenarios" / "batches" / "quickstart.yaml"
    (tmp_path / "wrong.yaml").write_text("name: wrong")
    files = (quick, tmp_path / "wrong.yaml")
    async with opened(Settings(tmp_path / "runs", str(tmp_path / "sessions.sqlite"), files)) as found:
        yield found


async def send(web: Opened, where: str = "/batches", **fields: str) -> httpx.Response:
    return await web.client.post(where, data={"csrf": web.csrf, **fields})


async def events_of(web: Opened, job: str) -> list[tuple[str, Any]]:
    wire = (await web.client.get(f"/batches/{job}/events")).text
    return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n", wire)]


def words(answer: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def test_the_example_is_there_and_can_be_checked(web: Opened) -> None:
    answer = await web.client.get("/batches")
    shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.S)
    assert answer.status_code == 200 and shown and html.unescape(shown[1]) == EXAMPLE
    checked = await send(web, text=EXAMPLE.replace("\n", "\r\n"))
    assert "6 cases × 2 doctors × 2 trials = 24 consultations of at most 6 exchanges. No model is" in words(checked)
    assert "Start 24" in checked.text
    assert not (web.settings.runs / FOLDER).exists()


async def test_a_batch_is_started_followed_and_finished(web: Opened) -> None:
    begun = time.monotonic()
    started = await send(web, action="start", text=TINY, trials="3")
    assert (started.status_code, started.headers["location"]) == (303, "/batches/tiny")
    running = (await web.client.get("/batches/tiny")).text
    assert 'data-events="/batches/tiny/events"' in running and "/batches/tiny/stop" in running
    assert '<noscript><meta http-equiv="refresh"' in running
    assert " data-active" in (await web.client.get("/batches")).text

    told = await events_of(web, "tiny")
    assert [name for name, _ in told] == ["progress"] * (len(told) - 1) + ["end"]
    assert told[-1][1] == {"state": "finished"} and len(told) - 2 <= 2 * (time.monotonic() - begun)
    last = told[-2][1]
    assert (last["finished"], last["planned"], last["has_run"], last["failures"]) == (12, 12, True, [])
    assert [mean["doctor"] for mean in last["means"]] == ["careful", "quick"]

    answer = await web.client.get("/batches/tiny")
    assert "12 of 12 consultations" in words(answer) and last["means"][0]["mean"] in words(answer)
    assert "data-events" not in answer.text and "/stop" not in answer.text and "/resume" not in answer.text
    assert 'href="/runs/tiny">Open the run' in answer.text
    assert TINY.splitlines()[0] in (await web.client.get("/batches?like=tiny")).text
    assert (await send(web, "/batches/tiny/resume")).status_code == 409
    assert (await send(web, "/batches/tiny/stop")).status_code == 409
    for page in (answer.text, running):
        assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=", page)


async def test_much_and_models_are_confirmed_first_and_a_dead_server_is_told(web: Opened) -> None:
    much = await send(web, action="start", text=TINY, trials="900")
    assert much.status_code == 200 and 'name="confirmed" value="3600"' in much.text
    text = TINY.replace(
        "backend: one-shot", "backend: chat, model: far, base_url: 'http://127.0.0.1:9/v1', patience_s: 0, retries: 0"
    )
    asked = await send(web, action="start", text=text)
    calls = (await asyncio.to_thread(check_text, text, Overrides())).calls
    assert asked.status_code == 200 and f"About {calls} calls of models" in words(asked)
    assert "doctor quick far" in words(asked)
    changed = await send(web, action="start", text=text, trials="2", confirmed="4")
    assert changed.status_code == 200 and not (web.settings.runs / FOLDER).exists()

    started = await send(web, action="start", text=text, confirmed="4")
    assert started.status_code == 303
    assert (await events_of(web, "tiny"))[-1] == ("end", {"state": "failed"})
    answer = await web.client.get("/batches/tiny")
    assert "doctor quick: infrastructure: server_down: nobody answers at http://127.0.0.1:9/v1" in words(answer)
    assert "Try again" in answer.text and 'href="/runs/tiny" hidden' in answer.text
    async with opened(web.settings) as later:
        assert "nobody answers at" in words(await later.client.get("/batches"))


async def test_a_mistake_keeps_the_text_and_points_at_its_line(web: Opened) -> None:
    text = TINY.replace("one-shot", "one-shott") + "# </textarea><script>alert(1)</script>\n"
    answer = await send(web, action="start", text=text)
    assert answer.status_code == 400 and 'data-line="5"' in answer.text
    assert "batch.yaml:5: doctors.quick: unknown doctor 'one-shott'. Did you mean 'one-shot'?" in words(answer)
    assert "<script>alert" not in answer.text and html.escape("</textarea><script>") in answer.text
    path = await send(web, action="start", text=TINY.replace("{library: zh, limit: 2}", "/etc/passwd"))
    assert path.status_code == 400 and "batch.yaml:2: cases.0: takes shipped cases only" in words(path)
    for field, value in (("trials", "0"), ("trials", "1001"), ("limit", "many"), ("limit", "٣")):
        wrong = await send(web, text=TINY, **{field: value})
        assert wrong.status_code == 400 and "must be a number from 1 to" in words(wrong)


async def test_files_are_named_by_their_place_only(web: Opened) -> None:
    listed = await web.client.get("/batches")
    assert '<option value="0">quickstart.yaml' in listed.text
    assert '<option value="1" disabled>wrong.yaml (has a mistake)' in listed.text
    checked = await send(web, place="0", trials="1", limit="2")
    assert "2 cases × 3 doctors × 1 trial = 6 consultations" in words(checked)
    for place in ("2", "-1", "1e1", "../../etc/passwd", "9" * 99):
        assert (await send(web, place=place, action="start")).status_code in (400, 404)
    assert (await send(web, place="1", action="start")).status_code == 400


async def test_what_is_not_there_or_not_ours(web: Opened) -> None:
    for where in ("/batches/nobody", "/batches/nobody/events", "/batches?like=nobody"):
        assert (await web.client.get(where)).status_code == 404
    assert (await send(web, "/batches/nobody/stop")).status_code == 404
    assert (await send(web, "/batches/..%2Fx/resume")).status_code in (404, 405, 422)
    assert (await web.client.post("/batches", data={"action": "start", "text": TINY})).status_code == 403
    assert not (web.settings.runs / FOLDER).exists()
