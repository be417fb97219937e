"""Memory stays flat over many turns and many cancelled streams."""

from __future__ import annotations

import gc

import pytest
import torch

from model.streaming.engine import Engine
from model.streaming.types import Message, Settings, SoundPiece
from tests.model.streaming.running import ask, engine, run, vocoder

SHORT = Settings(max_new_tokens=4, max_units=14, unit_temperature=0)


def held() -> tuple[int, int]:
    """Live tensors and their bytes, each storage once."""
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor)]
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
    return len(tensors), sum(storages.values())


def consult(running: Engine, number: int, turns: int) -> None:
    """One consultation, every fourth answer given up while it sounds."""
    said = [Message("user", (f"patient {number}",))]
    for turn in range(turns):
        heard = ask(running, said, SHORT)
        if (number + turn) % 4 == 0:
            while not heard.answer.done and not any(isinstance(event, SoundPiece) for event in heard.events):
                running.step()
            heard.answer.cancel()
        run(running)
        assert heard.answer.done
        said += [Message("assistant", (heard.text or "?",)), Message("user", ("and then?",))]


def flat(warm: int, consultations: int, turns: int) -> Engine:
    running = engine(vocoder(), kept_bytes=1 << 20)
    for number in range(warm):
        consult(running, number, turns)
    before, kept, kept_bytes = held(), running.counters.kept, running.counters.kept_bytes
    for number in range(warm, warm + consultations):
        consult(running, number, turns)
    after, counters = held(), running.counters
    assert after[0] - counters.kept <= before[0] - kept + 4
    assert after[1] - counters.kept_bytes <= before[1] - kept_bytes + 4096
    assert counters.kept_bytes <= 1 << 20 and counters.kept >= 1
    assert (counters.running, counters.text_rows, counters.unit_rows, counters.vocoder_streams) == (0, 0, 0, 0)
    return running


def test_memory_is_flat_over_some_turns_and_cancelled_streams() -> None:
    counters = flat(warm=4, consultations=6, turns=2).counters
    assert counters.cancelled >= 4 and counters.answers == 20


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_memory_is_flat_over_a_thousand_turns_and_a_hundred_cancelled_streams() -> None:
    counters = flat(warm=8, consultations=167, turns=6).counters
    assert counters.answers >= 1000 and counters.cancelled >= 100
