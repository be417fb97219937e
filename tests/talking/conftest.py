"""A speech server that can go wrong, the command in this process, and conversations as they lie on disk."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.sound.wave import Sound, wav_bytes
from tests.fault_server import Answer, FaultServer
from tests.session.test_step_plain import command, standard_input

TONE = Sound(np.sin(np.arange(12_000) / 20).astype(np.float32) * 0.5, 24_000)
"""Half a second."""
TURN = re.compile(r"\[(\d+) (patient|doctor)\] (.*)")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def clinic_talk(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Return what runs ``clinic talk --plain`` with lines on standard input and gives exit code and lines."""
    def run(*words: str | Path, lines: str = "", out: Path | None = None) -> tuple[int, list[str]]:
        folder = () if "--resume" in words else ("--out", out or tmp_path / "talk")
        with standard_input(lines):
            code, written, problems = command("talk", *words, *folder, "--plain", "--language", "en")
        assert "\x1b" not in written and "Traceback" not in problems, problems
        return code, [*written.splitlines(), *problems.splitlines()]

    return run


def spoken(text: str = "Since when?", sound: Sound = TONE, pieces: int = 3) -> Answer:
    """Return a streamed answer with words in two pieces and 16-bit samples in ``pieces``."""
    half = len(text) // 2
    events: list[dict[str, Any]] = [delta(content=part) for part in (text[:half], text[half:])]
    pcm = wav_bytes(sound)[44:]
    size = -(-len(pcm) // pieces // 2) * 2
    encoded = [base64.b64encode(pcm[start : start + size]).decode() for start in range(0, len(pcm), size)]
    events += [delta(audio={"id": "a", "data": piece}) for piece in encoded]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {
        "choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 5,
                                 "prompt_tokens_details": {"cached_tokens": 30}}}]
    lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
    return Answer(raw="".join(lines).encode(), headers={"Content-Type": "text/event-stream"})


def delta(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


def turns_in(lines: list[str]) -> list[tuple[str, str]]:
    """Return who said what, as plain lines have it."""
    return [(found[2], found[3]) for line in lines if (found := TURN.fullmatch(line))]


def stored(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "talk.jsonl").read_text("utf-8").splitlines()]
