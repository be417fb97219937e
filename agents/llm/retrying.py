"""Sends one request until it is answered: back-off, time limits, waiting for a dead server; it reads no reply."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import nullcontext
from dataclasses import dataclass

from agents.llm.options import LLMOptions
from agents.llm.transport import Fault, Raw, Request, Transport
from agents.patience import waiting

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


@dataclass
class _Spent:
    """What one reply has used up so far; waiting for a place or for a dead server counts only as ``down_s``."""

    tries: int = 0
    work_s: float = 0.0
    down_s: float = 0.0


async def send_until_answered(transport: Transport, request: Request) -> Raw:
    """Return the reply. Raises Fault with the last reason when retries, time or patience are used up.

    A try that failed because nobody listened counts against ``patience_s`` and not against ``retries``.
    """
    options, spent = request.options, _Spent()
    while True:
        spent.down_s += await transport.wait_until_up(options.patience_s - spent.down_s)
        async with transport.place() as still_up:
            if not still_up:
                continue
            start = time.monotonic()
            try:
                return await _once(transport, request, options.total_timeout_s - spent.work_s)
            except Fault as fault:
                reason = fault
            finally:
                spent.work_s += time.monotonic() - start
        if reason.dead:
            continue
        await _pause(reason, options, spent)


async def _once(transport: Transport, request: Request, left_s: float) -> Raw:
    limit = min(request.options.timeout_s, left_s)
    try:
        async with asyncio.timeout(limit):
            return await transport.send(request)
    except TimeoutError as error:
        raise Fault("timeout", f"the model did not answer within {limit:.3g} s", retry=True) from error


async def _pause(reason: Fault, options: LLMOptions, spent: _Spent) -> None:
    """Sleep before the next try; raise ``reason`` when there is none."""
    if not reason.retry or spent.tries >= options.retries:
        raise reason
    spent.tries += 1
    pause = pause_s(spent.tries, reason.after_s)
    if spent.work_s + pause >= options.total_timeout_s:
        raise reason
    with waiting() if reason.kind == "rate_limited" else nullcontext():
        await asyncio.sleep(pause)
    spent.work_s += pause


def pause_s(tries: int, after_s: float | None) -> float:
    """Return how long to sleep before the next try: full jitter, doubling; never less than the server asked for."""
    jitter = random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1)))
    return jitter if after_s is None else after_s + min(jitter, FIRST_PAUSE_S)
