"""Generated requests against the whole OpenAPI document, over a real run and a real session book: nothing breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from simulator.web.settings import Settings
from tests.web.conftest import serving

CALLS = 2_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CASE = "zh-urology-01-chef-flank-pain"
NEW = {"case": CASE, "doctor": {"backend": "history-taker"}, "max_turns": 2, "seed": 5}
KNOWN, STRANGE, WRONG = 50, 14, 8
"""Requests of each operation: with names that exist, all generated, and such that do not fit the document."""
FRESH_EVERY = 11
NOT_BY_CHANCE = {
    "POST /api/v1/batches", "GET /api/v1/batches/{job}", "POST /api/v1/batches/{job}/stop",
    "GET /api/v1/runs/{run}/consultations/{case}/{doctor}/{trial}/audio/{index}",
}
"""A valid batch file is not found by chance, so that there is no batch to ask about either; test_api starts one. The
run of these tests has no sound; test_sound_pages asks for some."""


@dataclass
class World:
    """The server as it stands: names that exist, so that generated requests get past the first look-up."""

    address: str
    client: httpx.Client
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    names: dict[str, str] = field(default_factory=dict)
    calls: int = 0

    def freshen(self) -> None:
        """Begin another session with two turns, to be stepped, rewound, judged or deleted."""
        made = self.client.post("/api/v1/sessions", json=NEW)
        assert made.status_code == 201, made.text
        session = made.json()["id"]
        for _ in range(2):
            assert self.client.post(f"/api/v1/sessions/{session}/branches/main/next").status_code == 200
        self.names |= {"session": session, "branch": "main"}

    def settle(self, case: Case, place: int) -> None:
        """Put names that exist into a request, more or fewer of them by its place."""
        for name in case.path_parameters or {}:
            if name in self.names:
                case.path_parameters[name] = self.names[name]
        if isinstance(case.body, dict):
            _real_people(case.body, place % 3)

    def known(self, operation: APIOperation) -> dict[str, Any]:
        """Return the path parameters of an operation that exist."""
        return {name: value for name, value in self.names.items() if f"{{{name}}}" in operation.path}


def _real_people(body: dict[str, Any], real: int) -> None:
    """Let doctors, patients and cases in a body be ones that exist; the rest stays as generated."""
    if "case" in body:
        body["case"] = CASE
        body.pop("run", None)
        if real:
            body.pop("start", None)
    if "keep" in body and real:
        body["keep"] = 1
    if "expected" in body and real:
        body["expected"] = ""
    for role, backend in (("doctor", "one-shot"), ("patient", "agenda")):
        if isinstance(body.get(role), dict) and "backend" in body[role]:
            body[role] = {"backend": backend}
        elif isinstance(body.get(role), dict) and real:
            body[role] = {"run": "small", "doctor": "quick"}
    if "doctors" in body and real:
        body["doctors"] = {"other": {"backend": "checklist"}}


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with serving(settings) as address, httpx.Client(base_url=address, timeout=60) as client:
        row = client.get("/api/v1/runs/small/consultations").json()["rows"][0]
        yield World(address, client, names={"run": "small", "case": row["case"], "doctor": row["doctor"]})


def ask(
    operation: APIOperation, world: World, session: requests.Session, budget: int, *, known: bool = False,
    mode: GenerationMode = GenerationMode.POSITIVE,
) -> None:
    """Send ``budget`` generated requests of one operation and hold each answer against the document."""
    sent = 0
    names = {"path_parameters": world.known(operation)} if known and world.known(operation) else {}

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=budget, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode, **names))
    def send(case: Case) -> None:
        nonlocal sent
        if sent % FRESH_EVERY == 0 and "{session}" in operation.path:
            world.freshen()
        sent += 1
        if known:
            world.settle(case, sent)
        answer = case.call(base_url=world.address, session=session, timeout=60)
        world.calls += 1
        world.statuses[operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    send()


@pytest.mark.timeout(900)
def test_two_thousand_generated_requests_break_nothing(world: World) -> None:
    document = world.client.get("/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 25
    world.freshen()
    with requests.Session() as session:
        for operation in operations:
            ask(operation, world, session, KNOWN, known=True)
            if operation.body or operation.query or operation.path_parameters:
                ask(operation, world, session, STRANGE)
                ask(operation, world, session, WRONG, mode=GenerationMode.NEGATIVE)
    assert world.calls >= CALLS
    reached = {label for (label, status), count in world.statuses.items() if status < 300}
    missed = {operation.label for operation in operations} - reached
    assert missed <= NOT_BY_CHANCE
