"""Live sessions without a script: forms and redirects, what a page shows and hides, and what is refused."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from scenarios.loader import library_cases
from simulator.showing.branch_tree import branch_tree
from tests.web.conftest import Opened

ZH = library_cases("zh", limit=1)[0]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
TEXT = re.compile(r'<div class="said"[^>]*>(.*?)</div>', re.S)


def said(page: str) -> list[str]:
    """What was said in the live branch, as a person reads it."""
    turns = re.findall(r'id="turn-0-\d+".*?<div class="said"[^>]*>(.*?)</div>', page, re.S)
    return [unescape(text) for text in turns]


def revision(page: str) -> str:
    return str(re.search(r'data-revision="([^"]+)"', page)[1])  # type: ignore[index]


async def start(web: Opened, **fields: str) -> str:
    """Start a session by its form and return its address."""
    form = {"csrf": web.csrf, "case": ZH.id, "doctor": "is:history-taker", "patient": "is:agenda", **fields}
    answer = await web.client.post("/live/new", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def do(web: Opened, address: str, action: str, **fields: str) -> httpx.Response:
    path = address.partition("?")[0]
    return await web.client.post(f"{path}/do/{action}", data={"csrf": web.csrf, **fields})


async def done(web: Opened, address: str, action: str, **fields: str) -> str:
    """Do something by its form, follow where it leads, and return the page there."""
    answer = await do(web, address, action, **fields)
    assert answer.status_code == 303, re.findall(r'class="problem">(.*?)</p>', answer.text) or answer.text[:500]
    page = await web.client.get(answer.headers["location"])
    assert page.status_code == 200
    return page.text


async def test_the_list_offers_every_shipped_case_and_shows_what_was_started(web: Opened) -> None:
    before = (await web.client.get("/live")).text
    offered = re.findall(r'name="case" value="([^"]+)"', before)
    assert sorted(offered) == sorted(case.id for case in library_cases())
    address = await start(web, title="morning round")
    assert (await web.client.get(address)).status_code == 200
    after = (await web.client.get("/live")).text
    assert "morning round" in after and f'href="{address}"' in after and "morning round" not in before


async def test_a_consultation_is_stepped_taken_back_forked_and_judged_without_a_script(web: Opened) -> None:
    address = await start(web, seed="3")
    for _ in range(3):
        page = await done(web, address, "step")
    first = said(page)
    assert len(first) == 3
    page = await done(web, address, "rewind", keep="1", expected=revision(page))
    assert said(page) == first[:1] and "Next: <b>doctor</b>" in page
    forked = await do(web, address, "fork", keep="1", doctor="is:one-shot", label="at once", seed="4")
    assert forked.headers["location"].endswith("?branch=b2")
    other = (await web.client.get(forked.headers["location"])).text
    assert said(other) == first[:1] and "1 shared with main" in other and "at once" in other
    page = await done(web, address, "run", branch="b2")
    assert said(page)[:1] == first[:1] and said(page)[1] != first[1] and "Over:" in page
    page = await done(web, address, "judge", branch="b2")
    assert 'class="verdict"' in page and 'href="#turn-0-' in page, "the evidence leads to the sentence"
    page = await done(web, address, "run")
    assert said(page)[:3] == first, "the branch it was forked from goes on as before"


async def test_a_session_goes_on_from_a_stored_consultation_as_that_one_did(web: Opened) -> None:
    record = web.app.state.site.runs.find("small").consultation(ZH.id, "careful", 1)
    address = f"/live/new?run=small&case={ZH.id}&doctor=careful&trial=1&keep=3"
    form = (await web.client.get(address)).text
    assert [unescape(text) for text in TEXT.findall(form)] == [turn.text for turn in record.turns[:3]]
    assert f'value="{record.key.seed}"' in form and "Go on from turn 3" in form
    answer = await web.client.post("/live/new", data={
        "csrf": web.csrf, "run": "small", "case": ZH.id, "from_doctor": "careful", "trial": "1", "keep": "3",
        "doctor": "as:careful", "patient": "",
    })
    page = await done(web, answer.headers["location"], "run")
    assert said(page) == [turn.text for turn in record.turns]
    assert f"small/{ZH.id}/careful/1" in page
    page = await done(web, answer.headers["location"], "cast", doctor="as:quick")
    assert "<b>quick</b>" in page, "the doctors of the run's batch may be swapped in by name"


async def test_an_edited_turn_drops_what_came_after_it(web: Opened) -> None:
    address = await start(web)
    for _ in range(4):
        page = await done(web, address, "step")
    picked = (await web.client.get(f"{address}?branch=main&t=1")).text
    assert 'aria-current="true"' in picked and said(page)[1] in unescape(picked.partition('id="edit-text"')[2])
    page = await done(web, address, "edit", number="2", text="您吃过什么药？", expected=revision(page))
    assert said(page)[1:] == ["您吃过什么药？"] and "Next: <b>patient</b>" in page


async def test_a_person_takes_over_and_gives_back(web: Opened) -> None:
    address = await start(web)
    await done(web, address, "step")
    page = await done(web, address, "cast", doctor="human")
    assert "Your turn as the doctor" in page and 'data-do="step"' not in page
    page = await done(web, address, "say", role="doctor", text="哪里疼？")
    assert said(page)[-1] == "哪里疼？" and "Next: <b>patient</b>" in page
    page = await done(web, address, "examine", requests="心电图、肌钙蛋白")
    assert "turn examiner" in page, "ordered after the doctor's words, reported at once"
    page = await done(web, address, "cast", doctor="as:history-taker")
    assert 'data-do="step"' in page and "<b>history-taker</b>" in page
    page = await done(web, address, "cast", patient="human")
    assert "Your turn as the patient" in page
    page = await done(web, address, "say", role="patient", text="谢谢，再见。", end="farewell")
    assert "Over: farewell" in page


async def test_who_plays_the_doctor_does_not_see_the_record(web: Opened) -> None:
    address = await start(web)
    for _ in range(3):
        page = await done(web, address, "step")
    assert ZH.diagnosis and ZH.diagnosis.name in page.partition('id="record"')[0] and "reveals " in page
    page = await done(web, address, "cast", doctor="human")
    open_part, _, record = page.partition('id="record"')
    shown = re.sub(r"considers[^<]*", "", open_part)
    assert ZH.diagnosis.name not in shown and ZH.title not in shown and "reveals " not in page
    assert ZH.diagnosis.name in record and "<details" in page.partition("Show the record")[0][-200:]
    page = await done(web, address, "judge")
    assert "Show what the judges say" in page and 'class="evidence chips"' not in page


async def test_what_is_out_of_date_is_refused_with_a_word_and_nothing_typed_is_lost(web: Opened) -> None:
    address = await start(web)
    old = revision((await web.client.get(address)).text)
    await done(web, address, "step", expected=old)
    answer = await do(web, address, "say", role="doctor", text="我打了很多字", expected=old)
    assert answer.status_code == 409
    assert "somebody else went on" in answer.text and "我打了很多字" in answer.text.partition('id="say-text"')[2]
    assert len(said(answer.text)) == 1
    told = await web.client.post(f"{address}/do/step", data={"expected": old},
                                 headers={"X-CSRF-Token": web.csrf, "Accept": "application/json"})
    assert told.status_code == 409 and told.json()["kind"] == "Stale"
    for action, fields in (("rewind", {"keep": "0"}), ("edit", {"number": "1", "text": "x"}),
                           ("cast", {"doctor": "human"})):
        assert (await do(web, address, action, expected=old, **fields)).status_code == 409, action
    assert len(said((await web.client.get(address)).text)) == 1


async def test_what_people_type_is_shown_and_never_run(web: Opened) -> None:
    address = await start(web, title=HOSTILE)
    await done(web, address, "step")
    page = await done(web, address, "say", role="doctor", text=HOSTILE, requests=HOSTILE)
    page = await done(web, address, "label", of="branch", label=HOSTILE)
    page = await done(web, address, "edit", number="2", text=HOSTILE)
    assert said(page)[1] == HOSTILE
    for shown in (page, (await web.client.get("/live")).text,
                  (await do(web, address, "say", role="patient", text="")).text):
        assert "<script>alert" not in shown and "<img" not in shown
    tags = re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', '""', page))
    assert not [tag for tag in tags if re.search(r"<script>|\s(on\w+|style)=", tag)], "nothing the policy forbids"


@pytest.mark.parametrize(("fields", "why"), [
    ({"doctor": "is:transformers"}, "cannot be named by a request"),
    ({"doctor": "is:chat", "doctor_options": "model: m, base_url: http://example.org/v1"}, "on this machine only"),
    ({"doctor": "is:chat", "doctor_options": "model: m, api_key_env: HOME"}, "cannot be set by a request"),
    ({"doctor": "is:chat", "doctor_options": "model: [m"}, "options"),
    ({"doctor": "as:careful"}, "unknown doctor"),
    ({"doctor": "../../etc/passwd"}, "choose a doctor from the list"),
    ({"case": "../../etc/passwd"}, "unknown shipped case"),
    ({"seed": "-1"}, "whole number"),
    ({"seed": "9" * 20}, "whole number"),
    ({"persona_recall": "perfect"}, "persona"),
    ({"max_turns": "900"}, "whole number"),
    ({"title": "x" * 201}, "at most 200"),
    ({"run": "small", "trial": "1", "keep": "2", "from_doctor": "nobody", "doctor": "as:quick"}, "nobody"),
])
async def test_nothing_is_started_with_what_a_request_may_not_name(
    web: Opened, fields: dict[str, str], why: str
) -> None:
    form = {"csrf": web.csrf, "case": ZH.id, "doctor": "is:history-taker", "patient": "is:agenda", **fields}
    answer = await web.client.post("/live/new", data=form)
    assert answer.status_code in (400, 404) and why in unescape(answer.text)
    assert await web.app.state.site.book.list() == ()


async def test_what_is_not_there_is_said_to_be_missing(web: Opened) -> None:
    address = await start(web)
    for path in ("/live/nosuch00", f"{address}?branch=b9", f"{address}/events?branch=b9", "/live/nosuch00/events"):
        assert (await web.client.get(path)).status_code == 404, path
    assert (await do(web, address, "explode")).status_code == 404
    assert (await do(web, "/live/nosuch00", "step")).status_code == 404
    assert (await web.client.post(f"{address}/do/step", data={})).status_code == 403, "without the page's secret"
    for action in ("rewind", "edit"):
        assert (await do(web, address, action)).status_code == 400
    assert (await do(web, address, "rewind", keep="7")).status_code == 409
    assert (await do(web, address, "step", branch="nope")).status_code == 404


async def test_branches_stand_beside_each_other_and_a_session_is_deleted(web: Opened) -> None:
    address = await start(web)
    await done(web, address, "run")
    await done(web, address, "fork", keep="1", doctor="is:one-shot", name="quick")
    await done(web, address, "run", branch="b2")
    both = (await web.client.get(f"{address}?branch=b2&branch=main")).text
    heads = re.findall(r'<div class="head" data-column="(\d)">', both)
    assert heads == ["0", "1"] and 'id="turn-1-0"' in both and "turn patient shared" in both
    keys = re.findall(r'class="keep" href="[^"]+" data-keep="(\d+)"', both)
    assert keys[:2] == ["1", "2"] and len(keys) == len(said(both)), "only the live branch can be taken back"
    gone = await do(web, address, "delete")
    assert gone.headers["location"] == "/live" and (await web.client.get(address)).status_code == 404
    assert await web.app.state.site.book.list() == ()


async def test_the_tree_says_what_branches_really_share(web: Opened) -> None:
    address = await start(web)
    for _ in range(6):
        await done(web, address, "step")
    await done(web, address, "fork", keep="4")
    await done(web, address, "fork", branch="b2", keep="2")
    await done(web, address, "fork", branch="b2", keep="1")
    await done(web, address, "rewind", keep="3")
    await done(web, address, "edit", number="3", text="I fell off a ladder.")
    session = await web.app.state.site.book.open(address.rpartition("/")[2])
    info = await session.info()
    turns = {one.id: (await session.snapshot(one.id)).turns for one in info.branches}
    tree = branch_tree(info.branches, turns, "b2", str)
    assert [(twig.branch.id, twig.shares, twig.turns) for twig in tree.twigs] == [
        ("main", 0, 3), ("b2", 2, 4), ("b3", 2, 2), ("b4", 1, 1)]
    assert [twig.current for twig in tree.twigs] == [False, True, False, False]
    begins = [float(twig.path.partition(" ")[2].partition("V")[0]) for twig in tree.twigs[1:]]
    lanes = [(place + 0.5) * tree.row for place in range(4)]
    assert begins == [lanes[0], lanes[1], lanes[0]], "b4 left b2 before b2's own turns, so it leaves main's lane"
    assert tree.height == 4 * tree.row and all(0 <= x <= tree.width for twig in tree.twigs for x, _ in twig.dots)
