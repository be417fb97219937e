"""The client leaves the processor to others: thousands of consultations share one process."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.llm.types import Message
from tests.agents.llm.setting import MESSAGES, model_at

CALLS, AT_ONCE = 256, 64
DIALOGUE: list[Message] = MESSAGES + [
    {"role": ("assistant", "user")[number % 2], "content": "since yesterday it has been hurting here " * 3}
    for number in range(20)
]


@pytest.fixture
def url(root: Path) -> Iterator[str]:
    """A server in a process of its own, so that only the client's time is measured."""
    command = [sys.executable, "-m", "tests.fault_server", "--latency-s", "0.1", "--places", "999", "--words", "60"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_costs_at_most_five_milliseconds_of_processor_time(url: str, stream: bool) -> None:
    async with model_at(url, stream=stream) as model:
        await asyncio.gather(*[model.say(DIALOGUE, seed=seed) for seed in range(AT_ONCE)])
        gc.collect()
        start = time.process_time()
        for first in range(0, CALLS, AT_ONCE):
            await asyncio.gather(*[model.say(DIALOGUE, seed=seed) for seed in range(first, first + AT_ONCE)])
        spent_ms = (time.process_time() - start) / CALLS * 1000
    assert spent_ms < 5, f"{spent_ms:.1f} ms per call"
