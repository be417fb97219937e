"""Compiled steps say what plain steps say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model import recorded
from tests.model.streaming.running import GREEDY, ask, engine, run


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_compiled_steps_give_the_published_text_and_units() -> None:
    running = engine(compile=True, max_streams=3)
    running.warm(1024)
    heard = {}
    for name in ("d6", "d1", "t1"):
        heard[name] = ask(running, recorded.dialogue(name), replace(GREEDY, max_units=150))
        running.step()
    run(running)
    for name, one in heard.items():
        assert list(one.ended.text_ids) == recorded.tensors()[f"{name}.text_ids"].tolist()
        assert list(one.ended.units) == recorded.tensors()[f"{name}.units"].tolist()[:150]
