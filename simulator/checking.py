"""Asks whether each doctor's backend could answer now; it knows where to ask and starts nothing.

A doctor behind a server is asked for its models or its health, side by side and with a short patience; one that runs
in this process is looked up among the installed packages.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from agents import catalog
from agents.doctors.entries import shipped
from agents.llm.server import url_of
from scenarios.errors import ClinicError

PATIENCE_S = 3.0
MAX_BYTES = 1_000_000
MAX_ASKED_AT_ONCE = 32
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Answer:
    """Whether a backend answers: ``up`` is None where that depends on options that only a batch gives."""

    up: bool | None
    why: str

    def __str__(self) -> str:
        """Return ``yes, built in`` and the like."""
        word = {True: "yes", False: "no", None: "depends"}[self.up]
        return f"{word}{', ' if self.up else ': '}{self.why}"


class _Away(Exception):
    """Nobody answers, or not as expected; the message says what was met."""


def check(specs: Iterable[catalog.BackendSpec], patience_s: float = PATIENCE_S) -> dict[str, Answer]:
    """Return an answer for each backend by name; all are asked at the same time."""
    asked = list(specs)
    with ThreadPoolExecutor(max(1, min(len(asked), MAX_ASKED_AT_ONCE))) as pool:
        answers = list(pool.map(lambda spec: check_one(spec, patience_s), asked))
    return {spec.name: answer for spec, answer in zip(asked, answers, strict=True)}


def check_one(spec: catalog.BackendSpec, patience_s: float = PATIENCE_S) -> Answer:
    """Return whether ``spec`` with its own defaults would answer now."""
    base = base_of(spec)
    if base == "speechlm":
        return _weights(spec)
    if base not in ("chat", "audio-chat", "process", "transformers"):
        return Answer(True, "built in") if spec in catalog.BUILT_IN else Answer(None, "a plug-in; run a batch to see")
    if "model" not in spec.defaults:
        return _packages() if base == "transformers" else Answer(None, "name a model and its server in the batch")
    try:
        options: Any = catalog.validate_options(spec, {})
        if base == "transformers":
            return _packages()
        return _process(options, patience_s) if base == "process" else _chat(options, patience_s)
    except (_Away, ClinicError) as problem:
        entry = shipped().get(spec.name)
        return Answer(False, f"{problem}{f'; start it: {entry.start}' if entry else ''}")


def base_of(spec: catalog.BackendSpec) -> str:
    """Return the name of the built-in backend that makes ``spec``'s agent; its own name when there is none."""
    return next((built.name for built in catalog.BUILT_IN if built.factory == spec.factory), spec.name)


def _packages(extra: str = "local") -> Answer:
    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        return Answer(False, f"{' and '.join(missing)} not installed: pip install 'clinic-simulator[{extra}]'")
    return Answer(True, "its packages are installed")


def _weights(spec: catalog.BackendSpec) -> Answer:
    """Return whether a checkpoint that is loaded in this process lies on this disk."""
    if not (packages := _packages(spec.extra)).up or "checkpoint" not in spec.defaults:
        return packages
    try:
        options: Any = catalog.validate_options(spec, {})
        return Answer(True, f"its weights are in {options.facts.folder}")
    except ClinicError as problem:
        return Answer(False, str(problem))


def _chat(options: Any, patience_s: float) -> Answer:
    url = url_of(options)
    listed = _get(f"{url}/models", options.api_key_env, patience_s).get("data")
    names = [str(card["id"]) for card in listed if isinstance(card, dict) and "id" in card] \
        if isinstance(listed, list) else []
    if options.model not in names:
        raise _Away(f"{url} serves {', '.join(names)[:200] or 'no model'}, not {options.model}")
    return Answer(True, url)


def _process(options: Any, patience_s: float) -> Answer:
    said = _get(f"{options.url}/health", options.api_key_env, patience_s)
    if said.get("name") != options.model:
        raise _Away(f"{options.url} is {str(said.get('name'))[:80]!r}, not {options.model!r}")
    if said.get("ready") is not True:
        raise _Away(f"{options.url} is not ready: {str(said.get('problem') or 'still loading')[:300]}")
    return Answer(True, options.url)


def _get(url: str, key_variable: str, patience_s: float) -> dict[str, Any]:
    """Return the JSON object at ``url``; raises _Away for everything else, at the latest after ``patience_s``."""
    key = os.environ.get(key_variable, "") if key_variable else ""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    proxies = urllib.request.ProxyHandler({}) if urlsplit(url).hostname in LOOPBACK else urllib.request.ProxyHandler()
    until = time.monotonic() + patience_s
    content = b""
    try:
        with urllib.request.build_opener(proxies).open(request, timeout=patience_s) as answer:
            while chunk := answer.read1(65_536):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise _Away(f"{url} answers with more than {MAX_BYTES} bytes")
                if time.monotonic() > until:
                    raise _Away(f"{url} does not finish its answer within {patience_s:g} s")
        said = json.loads(content)
    except urllib.error.HTTPError as error:
        raise _Away(f"{url} answers {error.code}") from error
    except urllib.error.URLError as error:
        raise _Away(f"nobody answers at {url} ({getattr(error.reason, 'strerror', None) or error.reason})") from error
    except TimeoutError as error:
        raise _Away(f"{url} does not answer within {patience_s:g} s") from error
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise _Away(f"{url} does not answer as such a server ({type(error).__name__})") from error
    if not isinstance(said, dict):
        raise _Away(f"{url} does not answer as such a server")
    return said
