"""Names what a server's error means: whose it is, whether to send again and when; it sends nothing."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from agents.llm.transport import Fault

OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|maximum model length|max_model_len"
    r"|exceeds? (?:the )?(?:available |model'?s? |maximum )?context|context (?:length|window|size) (?:of|is|exceeded)"
    r"|(?:prompt|input) (?:\w+ )?(?:is )?(?:too long|longer than)|longer than the (?:maximum|model)"
    r"|input length .{0,40}exceeds",
    re.IGNORECASE,
)
"""vLLM, OpenAI, llama.cpp, Ollama, SGLang and TGI say it in their own words."""
NO_MONEY = re.compile(r"insufficient_quota|billing|credit balance", re.IGNORECASE)
GATEWAY = frozenset({502, 503, 504})
LONGEST_QUOTE = 300


def of_status(status: int, headers: Mapping[str, str], body: str) -> Fault:
    """Return the fault behind an HTTP error."""
    said = in_words(body)
    message = f"the server answered {status}" + (f": {said}" if said else "")
    if status in (400, 413, 422, 500) and OVERFLOW.search(body):
        return Fault("context_overflow", message)
    if status in (401, 403):
        return Fault("unauthorised", message)
    if status == 404:
        return Fault("unknown_model" if "model" in said.lower() else "bad_request", message)
    if status == 429:
        hopeless = bool(NO_MONEY.search(body))
        return Fault("rate_limited", message, retry=not hopeless, after_s=retry_after_s(headers))
    if status in (408, 409, 425) or status >= 500:
        return Fault("server_error", message, retry=True, after_s=retry_after_s(headers))
    return Fault("bad_request", message)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``retry-after-ms`` or ``retry-after`` (seconds or an HTTP date) ask for."""
    try:
        if (ms := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(ms) / 1000)
    except ValueError:
        pass
    if (value := headers.get("retry-after")) is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        when = email.utils.parsedate_tz(value)
        return None if when is None else max(0.0, email.utils.mktime_tz(when) - time.time())


def in_words(body: str) -> str:
    """Return the error's own message in one line of bounded length."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = body
    for key in ("error", "message", "detail"):
        if isinstance(told, dict) and key in told:
            told = told[key]
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"
