"""The REST API over a real run and a real session book: what it answers, what it refuses, what it never does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents import catalog
from scenarios.schema import Consultation
from simulator.web.settings import Settings
from tests.web.conftest import BATCH, TOKEN, Opened, opened

CASE = "zh-urology-01-chef-flank-pain"
V1 = "/api/v1"


async def made(client: httpx.AsyncClient, **changes: Any) -> str:
    """Begin a session and return the address of its first branch."""
    asked = {"case": CASE, "doctor": {"backend": "history-taker"}, "max_turns": 3, "seed": 4, **changes}
    answer = await client.post(f"{V1}/sessions", json=asked)
    assert answer.status_code == 201, answer.text
    return f"{V1}/sessions/{answer.json()['id']}/branches/main"


async def refused(client: httpx.AsyncClient, status: int, path: str, body: Any = None) -> str:
    """Ask for what must be refused and return why."""
    answer = await client.post(path, json=body) if body is not None else await client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["type"] == "about:blank"
    return str(problem["detail"])


def test_an_answer_is_sent_at_once(live_server: str) -> None:
    """Head and body of an answer are two packets; a network that waits to join them keeps everybody for 40 ms."""
    with httpx.Client(base_url=live_server) as client:
        waited = [client.get(f"{V1}/runs").elapsed.total_seconds() for _ in range(20)]
    assert min(waited) < 0.03


async def test_a_run_can_be_read_down_to_one_consultation(client: httpx.AsyncClient) -> None:
    (run,) = (await client.get(f"{V1}/runs")).json()
    assert (run["name"], run["finished"], run["planned"], run["doctors"]) == ("small", 16, 16, ["careful", "quick"])
    detail = (await client.get(f"{V1}/runs/small")).json()
    assert set(detail["summary"]["doctors"]) == {"careful", "quick"} and detail["described"]["seed"] == 11
    rows = (await client.get(f"{V1}/runs/small/consultations", params={"doctor": "quick", "limit": 3})).json()
    assert rows["count"] == 8 and len(rows["rows"]) == 3
    row = rows["rows"][1]
    address = f"{V1}/runs/small/consultations/{row['case']}/quick/{row['trial']}"
    record = Consultation.model_validate((await client.get(address)).json())
    assert (record.key.case, record.key.doctor, record.key.trial) == (row["case"], "quick", row["trial"])
    assert record.metrics["total"] == row["total"]


async def test_the_filters_of_consultations_hold_together(client: httpx.AsyncClient) -> None:
    async def rows(**asked: Any) -> list[dict[str, Any]]:
        answer = await client.get(f"{V1}/runs/small/consultations", params={"limit": 500, **asked})
        return list(answer.json()["rows"])

    whole = await rows()
    assert len(whole) == 16
    for name, value in (("language", "zh"), ("case", whole[0]["case"]), ("doctor", "careful"),
                        ("stop_reason", whole[0]["stop_reason"]), ("scored", True)):
        found = await rows(**{name: value})
        assert found == [row for row in whole if row[name] == value] and found
    assert await rows(doctor="nobody") == [] and await rows(failed=True) == []
    assert await rows(offset=10) == whole[10:]


async def test_a_comparison_holds_both_doctors_and_their_differences(client: httpx.AsyncClient) -> None:
    case = (await client.get(f"{V1}/runs/small/consultations")).json()["rows"][0]["case"]
    found = (await client.get(f"{V1}/runs/small/cases/{case}/compare", params={"doctor": ["quick", "careful"]})).json()
    assert [one["key"]["doctor"] for one in found["consultations"]] == ["quick", "careful"]
    (pair,) = found["pairs"]
    total = next(one for one in pair["metrics"] if one["metric"] == "total")
    assert (pair["a"], pair["b"]) == ("quick", "careful")
    assert total["here"]["mean"] == pytest.approx(total["a"] - total["b"]) and total["here"]["n"] == 2
    assert total["run"]["n"] == 4
    assert "nobody" in await refused(client, 404, f"{V1}/runs/small/cases/{case}/compare?doctor=nobody")


@pytest.mark.parametrize("path", [
    "/runs/none", "/runs/none/consultations", "/runs/small/consultations/none/quick/0", "/cases/none",
    "/runs/small/cases/none/compare", "/sessions/none", "/sessions/none/branches/main", "/batches/none", "/nothing",
    "/cases?run=none", f"/cases/{CASE}?run=small-no",
])
async def test_what_is_not_there_is_said_not_to_be(client: httpx.AsyncClient, path: str) -> None:
    assert await refused(client, 404, V1 + path)


async def test_cases_and_doctors_can_be_chosen_from(client: httpx.AsyncClient) -> None:
    shipped = (await client.get(f"{V1}/cases", params={"limit": 500})).json()
    assert len(shipped) >= 40 and all(one["run"] is None for one in shipped)
    own = (await client.get(f"{V1}/cases", params={"run": "small", "language": "zh"})).json()
    assert len(own) == 2 and all(one["run"] == "small" and one["language"] == "zh" for one in own)
    assert (await client.get(f"{V1}/cases/{CASE}")).json()["id"] == CASE
    doctors = {one["name"]: one for one in (await client.get(f"{V1}/doctors")).json()}
    assert doctors["human"]["allowed"] and doctors["history-taker"]["allowed"]
    assert not doctors["transformers"]["allowed"]
    assert set(doctors) == {"human", *catalog.specs("doctor")}


async def test_a_session_is_stepped_rewound_forked_taken_over_and_judged(client: httpx.AsyncClient) -> None:
    main = await made(client)
    for count in (1, 2, 3):
        stood = (await client.post(f"{main}/next")).json()
        assert len(stood["record"]["turns"]) == count
    back = (await client.post(f"{main}/rewind", json={"keep": 1, "expected": stood["revision"]})).json()
    assert back["record"]["turns"] == stood["record"]["turns"][:1]
    assert "somebody else" in await refused(client, 409, f"{main}/next", {"expected": stood["revision"]})

    forked = await client.post(f"{main}/fork", json={"doctor": {"run": "small", "doctor": "quick"}, "keep": 1})
    assert forked.status_code == 201 and forked.json()["casting"]["doctor"]["backend"] == "one-shot"
    other = main.replace("main", forked.json()["id"])
    assert (await client.post(f"{other}/cast", json={"doctor": {"backend": "human"}})).json()["casting"]["doctor_name"]
    assert (await client.get(other)).json()["for_human"]
    assert "not the patient's turn" in await refused(client, 409, f"{other}/say", {"role": "patient", "text": "疼"})
    said = (await client.post(f"{other}/say", json={"role": "doctor", "text": "哪里疼？"})).json()
    assert said["record"]["turns"][-1]["text"] == "哪里疼？"
    changed = (await client.post(f"{other}/edit", json={"number": 2, "text": "什么时候开始的？"})).json()
    assert [turn["text"] for turn in changed["record"]["turns"]][1:] == ["什么时候开始的？"]
    examined = (await client.post(f"{other}/examine", json={"requests": ["血常规"]})).json()
    assert examined["record"]["turns"][-1]["role"] == "examiner"
    judged = (await client.post(f"{other}/judge")).json()
    assert judged["judged"] and judged["record"]["verdicts"]
    assert (await client.post(f"{other}/label", json={"text": "mine"})).json()["label"] == "mine"

    ended = (await client.post(f"{main}/run")).json()
    assert ended["waiting"] == "end"
    record = Consultation.model_validate((await client.get(f"{main}/export")).json())
    assert list(record.turns) and record.model_dump(mode="json")["turns"] == ended["record"]["turns"]
    session = main.partition("/branches")[0]
    assert (await client.post(f"{session}/label", json={"text": "flank"})).json()["title"] == "flank"
    (listed,) = (await client.get(f"{V1}/sessions")).json()
    assert listed["case"] == CASE and listed["branches"] == ["main", forked.json()["id"]]
    assert (await client.delete(session)).status_code == 204
    await refused(client, 404, session)


async def test_a_session_goes_on_from_a_stored_consultation_cast_as_in_its_batch(client: httpx.AsyncClient) -> None:
    row = (await client.get(f"{V1}/runs/small/consultations", params={"doctor": "careful"})).json()["rows"][0]
    stored = (await client.get(f"{V1}/runs/small/consultations/{row['case']}/careful/{row['trial']}")).json()
    main = await made(
        client, case=row["case"], run="small", doctor={"run": "small", "doctor": "careful"}, seed=None, max_turns=None,
        start={"doctor": "careful", "trial": row["trial"], "keep": 3},
    )
    stands = (await client.get(main)).json()
    assert stands["record"]["turns"] == stored["turns"][:3]
    (branch,) = (await client.get(main.partition("/branches")[0])).json()["branches"]
    assert branch["casting"]["max_turns"] == 4 and branch["casting"]["doctor_name"] == "careful"


async def test_two_at_once_do_not_corrupt_a_session(client: httpx.AsyncClient) -> None:
    main = await made(client)
    revision = (await client.get(main)).json()["revision"]
    answers = await asyncio.gather(
        *(client.post(f"{main}/next", json={"expected": revision}) for _ in range(5)), return_exceptions=False
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len((await client.get(main)).json()["record"]["turns"]) == 1


@pytest.mark.parametrize(("doctor", "why"), [
    ({"backend": "transformers", "options": {"model": "/etc"}}, "cannot be named by a request"),
    ({"backend": "chat", "options": {"model": "m", "engine": "in-process"}}, "doctor.engine"),
    ({"backend": "chat", "options": {"model": "m", "engine_args": {"model": "/etc"}}}, "doctor.engine_args"),
    ({"backend": "chat", "options": {"model": "m", "api_key_env": "HOME"}}, "doctor.api_key_env"),
    ({"backend": "chat", "options": {"model": "m", "base_url": "http://evil.example/v1"}}, "on this machine only"),
    ({"backend": "audio-chat", "options": {"model": "m", "audio_root": "/etc"}}, "doctor.audio_root"),
    ({"backend": "process", "options": {"model": "m", "send_audio_as": "path"}}, "doctor.send_audio_as"),
    ({"backend": "process", "options": {"model": "m", "url": "http://10.0.0.1"}}, "on this machine only"),
    ({"backend": "one-shot", "options": {"decided": 7}}, "decided"),
    ({"backend": "one-shot", "options": {"backend": "transformers"}}, "no option"),
    ({"backend": "history-taker", "options": {"persona": {}}}, "persona"),
    ({"backend": "histroy-taker"}, "Did you mean 'history-taker'"),
    ({"backend": "human", "options": {"a": 1}}, "no options"),
    ({"backend": ".."}, "backend"), ({}, "doctor"), ("one-shot", "doctor"), ({"run": "small"}, "doctor"),
])
async def test_a_request_cannot_cast_what_reads_files_or_loads_weights(
    client: httpx.AsyncClient, doctor: Any, why: str
) -> None:
    asked = {"case": CASE, "doctor": doctor}
    assert why in await refused(client, 422, f"{V1}/sessions", asked)
    main = await made(client)
    assert why in await refused(client, 422, f"{main}/cast", {"doctor": doctor})
    assert why in await refused(client, 422, f"{main}/fork", {"doctor": doctor})


async def test_a_batch_is_started_watched_and_becomes_a_run(settings: Settings, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with opened(replace(settings, runs=runs)) as web:
        client = web.client
        why = await refused(client, 422, f"{V1}/batches", {"yaml": BATCH.replace("quick", "quick: {}\n  q")})
        assert "batch.yaml" in why
        await refused(client, 422, f"{V1}/batches", {"yaml": BATCH, "file": 0})
        await refused(client, 404, f"{V1}/batches", {"file": 0})
        started = await client.post(f"{V1}/batches", json={"yaml": BATCH, "limit": 1, "trials": 1})
        assert started.status_code == 201, started.text
        job = started.json()["id"]
        assert started.json()["planned"] == 2
        for _ in range(600):
            stands = (await client.get(f"{V1}/batches/{job}")).json()
            if stands["state"] not in ("running", "stopping"):
                break
            await asyncio.sleep(0.1)
        assert (stands["state"], stands["finished"]) == ("finished", 2), stands
        assert "not running" in await refused(client, 409, f"{V1}/batches/{job}/stop", {})
        assert [one["id"] for one in (await client.get(f"{V1}/batches")).json()] == [job]
        assert [one["name"] for one in (await client.get(f"{V1}/runs")).json()] == [job]


async def test_the_page_of_the_api_lists_every_operation_and_its_examples_work(web: Opened) -> None:
    document = (await web.client.get("/api/openapi.json")).json()
    text = (await web.client.get("/api")).text
    for path, methods in document["paths"].items():
        assert path in text
        for one in methods.values():
            assert one["summary"] and one["operationId"] and {"400", "401", "500"} <= set(one["responses"])
    assert "cdn" not in text and "Bearer" not in text.partition("<section")[2]
    assert "http://127.0.0.1:8750/api/v1/runs" in text
    from simulator.web.api.docs import EXAMPLES

    main = await made(web.client)
    await web.client.post(f"{main}/next")
    await web.client.post(f"{main}/next")
    for name in ("edit", "rewind", "fork", "cast", "label"):
        keep = {"keep": 1} if name in ("fork", "rewind") else {}
        assert (await web.client.post(f"{main}/{name}", json=EXAMPLES[name] | keep)).status_code in (200, 201)
    assert (await web.client.post(f"{V1}/sessions", json=EXAMPLES["create_session"])).status_code == 201


async def test_with_a_token_the_examples_carry_a_place_for_it(settings: Settings) -> None:
    async with opened(replace(settings, token=TOKEN)) as web:
        text = (await web.client.get("/api", headers={"Authorization": f"Bearer {TOKEN}"})).text
        assert "Authorization: Bearer TOKEN" in text and TOKEN not in text


async def test_the_docs_of_the_framework_are_off(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await client.get(path)).status_code == 404
