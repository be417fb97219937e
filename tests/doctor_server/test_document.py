"""Generated requests against the server's OpenAPI document: nothing breaks, and every answer is as documented."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from agents.sound.wave import read_sound
from simulator.doctor_server.answers import ChatCompletionChunk
from simulator.doctor_server.metrics import COUNTERS, GAUGES
from tests.doctor_server.conftest import NAME, Served, chat, http, said, tone

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CHAT = "POST /v1/chat/completions"
KNOWN, STRANGE, WRONG, OTHERS = 130, 60, 90, 8


def settle(case: Case, place: int) -> None:
    """Let most requests name the model, be short, and bring sound that is one."""
    if not isinstance(case.body, dict):
        return
    case.body |= {"model": NAME, "max_tokens": 2}
    case.body.pop("max_completion_tokens", None)
    if place % 3:
        for key in ("audio", "stream_options"):
            case.body.pop(key, None)
    if place % 2:
        case.body["messages"] = [*case.body["messages"], {"role": "user", "content": [said()]}]
        if place % 3:
            case.body["messages"] = case.body["messages"][-1:]
    if "modalities" in case.body and place % 4:
        case.body["modalities"] = ["text", "audio"]


def ask(
    operation: APIOperation, server: Served, budget: int, statuses: Counter[tuple[str, int]], *, settled: bool = False,
    mode: GenerationMode = GenerationMode.POSITIVE,
) -> None:
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
    sent = 0
    with requests.Session() as session:

        @hypothesis.seed(7)
        @hypothesis.settings(
            max_examples=budget, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            nonlocal sent
            sent += 1
            if settled:
                settle(case, sent)
            answer = case.call(base_url=server.root, session=session, timeout=60)
            statuses[operation.label, answer.status_code] += 1
            case.validate_response(answer, checks=checks)

        send()


@pytest.mark.timeout(300)
def test_generated_requests_break_nothing(server: Served) -> None:
    schema = schemathesis.openapi.from_dict(http().get(server.root + "/openapi.json").json())
    operations = {found.ok().label: found.ok() for found in schema.get_all_operations()}
    assert set(operations) == {
        CHAT, "GET /v1/models", "GET /v1/models/{name}", "GET /health", "GET /metrics", "GET /"
    }
    statuses: Counter[tuple[str, int]] = Counter()
    for label, operation in operations.items():
        if label != CHAT:
            ask(operation, server, OTHERS, statuses)
    ask(operations[CHAT], server, KNOWN, statuses, settled=True)
    ask(operations[CHAT], server, STRANGE, statuses)
    ask(operations[CHAT], server, WRONG, statuses, mode=GenerationMode.NEGATIVE)
    assert sum(statuses.values()) >= 290
    assert statuses[CHAT, 200] >= 20 and statuses[CHAT, 400] >= 20 and statuses[CHAT, 404] >= 10
    assert statuses["GET /v1/models", 200] >= 1


def test_every_event_of_a_stream_is_as_documented(server: Served) -> None:
    spoken = {"modalities": ["text", "audio"], "stream": True, "stream_options": {"include_usage": True}}
    with http().stream("POST", f"{server.url}/chat/completions", json=chat(**spoken), timeout=60) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines) and lines[-1] == "data: [DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(line.removeprefix("data: ")) for line in lines[:-1]]
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.choices[0].delta.audio.id for chunk in chunks[1:-1] if chunk.choices[0].delta.audio}) == 1
    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]


def test_the_metrics_count_what_happened(server: Served) -> None:
    before = server.numbers()
    asked = chat(said(), modalities=["text", "audio"])
    usage = http().post(f"{server.url}/chat/completions", json=asked, timeout=60).json()["usage"]
    assert http().post(f"{server.url}/chat/completions", json={}).status_code == 400
    http().get(server.root + "/nowhere")
    after = server.numbers()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["prompt_tokens_total"] == usage["prompt_tokens"]
    assert grown["completion_tokens_total"] == usage["completion_tokens"]
    assert grown["cached_prompt_tokens_total"] == usage["prompt_tokens_details"]["cached_tokens"]
    assert grown["speech_units_total"] >= usage["completion_tokens_details"]["units"] > 0
    assert grown["audio_in_seconds_total"] == pytest.approx(0.4)
    assert 0.2 < grown["audio_out_seconds_total"] < 4
    for histogram in ("time_to_first_token", "time_to_first_audio", "queue", "answer"):
        assert grown[f"{histogram}_seconds_count"] == 1
    assert after["time_to_first_token_seconds_sum"] <= after["answer_seconds_sum"]
    assert grown['requests_total{code="200",path="/v1/chat/completions"}'] == 1
    assert grown['requests_total{code="400",path="/v1/chat/completions"}'] == 1
    assert grown['requests_total{code="404",path="other"}'] == 1
    assert sum(count for name, count in grown.items() if name.startswith("answers_total")) == 1
    assert after["kept_cache_bytes"] > 0 and after["running_streams"] == after["waiting_streams"] == 0


def test_the_page_about_it_works_as_typed(server: Served, root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "serve.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    code = code.replace("http://127.0.0.1:8300/v1", server.url).replace("LLaMA-Omni2-0.5B", NAME).replace("128", "8")
    (tmp_path / "question.wav").write_bytes(tone())
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_sound(tmp_path / "answer.wav").seconds > 0.2
    assert len((tmp_path / "answer.pcm").read_bytes()) > 10_000
    for name in (*GAUGES.values(), *COUNTERS.values()):
        assert name[0] in page
    listed = {re.sub(r"_(bucket|sum|count|created)$", "", name.partition("{")[0]) for name in server.numbers()}
    assert [name for name in sorted(listed) if name not in page] == []


def test_the_server_can_be_imported_without_torch() -> None:
    names = ", ".join(f"simulator.doctor_server.{name}" for name in ("app", "starting"))
    subprocess.run([sys.executable, "-c", f"import sys; sys.modules['torch'] = None; import {names}"], check=True)
