"""Two other ways to get the same consultations out of a server: a bare client, and the reference's order of work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import yaml

from agents.llm.http import HttpTransport
from agents.llm.transport import Raw, Request
from scenarios.schema import Case, Consultation, Key
from simulator import batch, run_one
from simulator.run_one import Room

PATIENT_TOKENS, JUDGE_TOKENS = 70, 420
"""About what our patient's and judge's forms come to with random weights, so that both ways generate as much."""


@dataclass
class Talks:
    """The requests of each consultation in their order, as they were sent."""

    chains: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many requests there are."""
        return sum(map(len, self.chains.values()))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep the requests of every consultation that is held in the body; costs an append each."""
        under_way: ContextVar[Key] = ContextVar("under_way")
        send = HttpTransport.send

        async def noting(transport: HttpTransport, request: Request) -> Raw:
            self.chains.setdefault(under_way.get(), []).append(request.body())
            return await send(transport, request)

        async def hold(room: Room, case: Case, key: Key, **rest: Any) -> run_one.Held:
            under_way.set(key)
            return await run_one.hold(room, case, key, **rest)

        async def conclude(held: run_one.Held) -> Consultation:
            under_way.set(held.key)
            return await run_one.conclude(held)

        with (
            patch.object(HttpTransport, "send", noting), patch.object(batch, "hold", hold),
            patch.object(batch, "conclude", conclude),
        ):
            yield


@dataclass(frozen=True)
class Spent:
    """What a way took."""

    wall_s: float
    calls: int


async def bare_client(url: str, talks: Talks, concurrency: int, salt: str) -> float:
    """Send the recorded requests, each consultation's one after the other, ``concurrency`` at once; returns seconds."""
    chains = iter(talks.chains.values())
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(timeout=600, limits=limits) as client:

        async def worker() -> None:
            for chain in chains:
                for body in chain:
                    salted = {**body, "cache_salt": salt}
                    answer = await client.post(f"{url}/chat/completions", json=salted)
                    answer.json()["choices"][0]["message"]["content"]

        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return time.perf_counter() - start


async def reference_way(
    url: str, model: str, cases: tuple[Case, ...], exchanges: int, words: int, salt: str, lines: tuple[str, ...] = ()
) -> Spent:
    """One dialogue at a time, each patient prompt rebuilt as one message, then a second pass that judges.

    The shape follows the published scripts: record, history and rules in one user message (record first, history in
    the middle, rules last), free text out; the doctor is prompted as a chat, or says ``lines`` without a model; the
    judge gets rules, then dialogue.
    """
    calls, prompts = 0, reference_prompts()
    async with httpx.AsyncClient(timeout=600) as client:

        async def ask(messages: list[dict[str, str]], tokens: int) -> str:
            nonlocal calls
            calls += 1
            body = {"model": model, "messages": messages, "max_tokens": tokens, "cache_salt": salt, "seed": calls}
            answer = await client.post(f"{url}/chat/completions", json=body)
            text: str = answer.json()["choices"][0]["message"]["content"]
            return text

        start = time.perf_counter()
        talks = [await _dialogue(ask, prompts, case, exchanges, words, lines) for case in cases]
        for talk in talks:
            whole = "\n".join((prompts["judge_rules"], _text(talk), prompts["judge_format"]))
            await ask([{"role": "user", "content": whole}], JUDGE_TOKENS)
        return Spent(time.perf_counter() - start, calls)


def reference_prompts() -> dict[str, str]:
    """Return the rules of the reference's prompts, told in our own words at about their length."""
    loaded: dict[str, str] = yaml.safe_load(Path(__file__).with_name("reference_prompts.yaml").read_text("utf-8"))
    return loaded


async def _dialogue(
    ask: Any, prompts: dict[str, str], case: Case, exchanges: int, words: int, lines: tuple[str, ...]
) -> list[tuple[str, str]]:
    record = _record(case)
    said: list[tuple[str, str]] = []
    for turn in range(exchanges):
        rest = (prompts["reply_lead"], _text(said), prompts["reply_rules"]) if turn else (prompts["opening_rules"],)
        prompt = "\n".join((record, *rest))
        said.append(("patient", await ask([{"role": "user", "content": prompt}], PATIENT_TOKENS)))
        if lines:
            said.append(("doctor", lines[turn]))
            continue
        chat = [{"role": "user" if who == "patient" else "assistant", "content": text} for who, text in said]
        said.append(("doctor", await ask([{"role": "system", "content": prompts["doctor_rules"]}, *chat], words)))
    return said


def _record(case: Case) -> str:
    lines = [f"- {fact.text}" for fact in case.facts] + [f"- no {absence.name}" for absence in case.absences]
    return "\n".join(["You are a patient. This is your record:", case.chief_complaint, *lines])


def _text(said: list[tuple[str, str]]) -> str:
    return "\n".join(f"{who}: {text}" for who, text in said)
