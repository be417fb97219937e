"""One guarded call of an agent: time limit, whose failure it is, latency; it knows no role's meaning."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from langgraph.errors import GraphBubbleUp
from langgraph.types import RetryPolicy

from agents.patience import time_limit
from scenarios.errors import AgentFailure, Owner, RunFolderError
from scenarios.schema import Latency

T = TypeVar("T")


async def guarded(owner: Owner, call: Awaitable[T], timeout_s: float) -> tuple[T, float]:
    """Return the reply and the seconds it took.

    Raises:
        AgentFailure: ``timeout`` (retryable) after ``timeout_s``; ``exception`` for anything the agent let
            through, so that one broken plug-in fails its own consultation and not the batch.
        RunFolderError: what is said cannot be stored, which is no agent's failure.
    """
    start = time.perf_counter()
    try:
        async with time_limit(timeout_s):
            reply = await call
    except TimeoutError as error:
        raise AgentFailure(owner, "timeout", f"no answer within {timeout_s:g} s", retryable=True) from error
    except (AgentFailure, RunFolderError, GraphBubbleUp):  # the last is LangGraph's own word: a person is asked
        raise
    except Exception as error:
        raise AgentFailure(owner, "exception", _in_words(error)) from error
    return reply, time.perf_counter() - start


@contextmanager
def reading(owner: Owner) -> Iterator[None]:
    """Blame ``owner`` for a reply that cannot be read: wrong type, unknown value, broken characters.

    Raises:
        AgentFailure: ``bad_reply`` in the place of whatever went wrong inside.
    """
    try:
        yield
    except (AgentFailure, RunFolderError):
        raise
    except Exception as error:
        raise AgentFailure(owner, "bad_reply", f"the reply cannot be read: {_in_words(error)}") from error


def latency(total_s: float, first_s: float | None) -> Latency:
    """Return the turn's latency; without streaming the first token is the whole answer."""
    return Latency(first_s=round(total_s if first_s is None else first_s, 6), total_s=round(total_s, 6))


def retry_policy(retries: int) -> RetryPolicy:
    """Return LangGraph's policy for agent nodes: ``retries`` further tries, jittered back-off, from 0.2 s to 20 s."""
    return RetryPolicy(
        max_attempts=retries + 1, initial_interval=0.2, backoff_factor=2.0, max_interval=20.0, jitter=True,
        retry_on=_worth_another_try,
    )


def _in_words(error: Exception) -> str:
    """Return an error in one line that can be stored, whatever characters it quotes."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    return said.encode("utf-8", "replace").decode("utf-8")


def _worth_another_try(error: Exception) -> bool:
    return isinstance(error, AgentFailure) and error.retryable
