"""Text and units are the published code's, alone and in a batch that answers join at different times."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from model.streaming import speaker, writer
from model.streaming.answer import Answer
from model.streaming.sampling import Sampler, pick
from tests.model import recorded
from tests.model.streaming.running import GREEDY, TEXT, Heard, answer, ask, engine, run

JOINED = {"d1": 5, "d3": 7, "d6": 12, "t1": 1}


class Seen:
    """What passes through the engine: states of text ids by answer, ids of the unit LM by sampler, fused rows."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.states: dict[int, list[torch.Tensor]] = {}
        self.unit_ids: dict[int, list[int]] = {}
        self.fused: list[torch.Tensor] = []
        take, rows = writer.Writer._take, recorded.network().speech_generator.rows

        def taken(here: writer.Writer, whose: Answer, picked: int, state: torch.Tensor) -> None:
            self.states.setdefault(id(whose), []).append(state.clone())
            take(here, whose, picked, state)

        def picked(logits: torch.Tensor, samplers: list[Sampler]) -> list[int]:
            ids = pick(logits, samplers)
            for sampler, one in zip(samplers, ids, strict=True):
                self.unit_ids.setdefault(id(sampler), []).append(one)
            return ids

        def fused(states: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
            made = rows(states, ids)
            self.fused.append(made)
            return made

        patch.setattr(writer.Writer, "_take", taken)
        patch.setattr(speaker, "pick", picked)
        patch.setattr(recorded.network().speech_generator, "rows", fused)


@pytest.fixture(scope="module")
def together() -> tuple[dict[str, Heard], Seen]:
    """Four answers that join at different times and share every round from then on."""
    with pytest.MonkeyPatch.context() as local:
        seen, running, heard = Seen(local), engine(), dict[str, Heard]()
        for name, rounds in JOINED.items():
            heard[name] = ask(running, recorded.dialogue(name))
            for _ in range(rounds):
                assert running.step()
        assert running.counters.running == 4
        run(running)
    return heard, seen


def near(ours: torch.Tensor, name: str) -> None:
    wanted = recorded.tensors()[name]
    assert ours.shape == wanted.shape
    assert (ours - wanted).abs().max().item() <= 1e-4, name


def check(heard: Heard, name: str) -> None:
    recordings, ended = recorded.tensors(), heard.ended
    assert ended.finish == ("stop" if recorded.facts()["dialogs"][name]["text_end"] == "eos" else "length")
    assert list(ended.text_ids) == recordings[f"{name}.text_ids"].tolist()
    assert list(ended.units) == recordings[f"{name}.units"].tolist()
    assert heard.text == recorded.processor().decode(ended.text_ids)
    assert [unit for piece in heard.pieces for unit in piece] == list(ended.units)
    assert ended.usage.completion == len(ended.text_ids) and ended.usage.units == len(ended.units)
    assert ended.usage.prompt == recorded.facts()["dialogs"][name]["embeds_len"]


@pytest.mark.parametrize("name", JOINED)
def test_a_batch_joined_at_different_times_gives_the_published_text_and_units(
    name: str, together: tuple[dict[str, Heard], Seen]
) -> None:
    check(together[0][name], name)


@pytest.mark.parametrize("name", JOINED)
def test_states_and_unit_ids_in_the_batch_are_the_published_ones(
    name: str, together: tuple[dict[str, Heard], Seen]
) -> None:
    heard, seen = together
    whose = heard[name].answer
    assert whose is not None and whose.speech is not None
    near(torch.stack(seen.states[id(whose)]), f"{name}.text_hidden")
    assert seen.unit_ids[id(whose.speech.sampler)] == recorded.tensors()[f"{name}.unit_lm_ids"].tolist()


def test_alone_the_fused_rows_and_calls_are_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(monkeypatch)
    heard = answer(recorded.dialogue("d6"))
    check(heard, "d6")
    rows = recorded.tensors()["d6.chunk_rows"].tolist()
    assert [len(made) for made in seen.fused] == rows
    near(torch.cat(seen.fused)[:12], "d6.fused")
    near(seen.fused[-1], "d6.fused_last")


def test_an_end_id_inside_a_chunk_does_not_end_the_stream() -> None:
    heard = answer(recorded.dialogue("d1"), replace(GREEDY, max_units=120))
    counts = recorded.tensors()["d1.unit_counts"].tolist()
    inside = recorded.facts()["dialogs"]["d1"]["eos_inside_chunks"][0]
    assert len(heard.pieces[inside]) == counts[inside] - 1
    assert list(heard.ended.units) == recorded.tensors()["d1.units"].tolist()[:120]


@pytest.mark.soak
@pytest.mark.parametrize("name", JOINED)
def test_alone_every_dialogue_gives_the_published_text_and_units(name: str) -> None:
    check(answer(recorded.dialogue(name)), name)


def test_repetition_penalty_over_generated_ids_gives_the_published_text() -> None:
    running = engine()
    penalised = replace(TEXT, repetition_penalty=1.05)
    heard = {name: ask(running, recorded.dialogue(name), penalised) for name in JOINED}
    plain = ask(running, recorded.dialogue("d1"), TEXT)
    run(running)
    for name, one in heard.items():
        assert list(one.ended.text_ids) == recorded.tensors()[f"{name}.text_ids_reppen1.05"].tolist()
    assert list(plain.ended.text_ids) == recorded.tensors()["d1.text_ids"].tolist()
    assert running.counters.unit_ids == 0


def test_each_row_of_the_unit_lm_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    again, running = [], engine()
    lm = running._speaker.lm
    extend = lm.extend

    def counted(rows, embeds, counts):
        again.extend(row.length + count if count > 1 else 1 for row, count in zip(rows, counts, strict=True))
        return extend(rows, embeds, counts)

    monkeypatch.setattr(lm, "extend", counted)
    heard = ask(running, recorded.dialogue("d6"), replace(GREEDY, max_new_tokens=93, max_units=300))
    run(running)
    counters = running.counters
    assert len(heard.ended.units) == 300
    assert counters.unit_positions < counters.unit_ids + counters.text_ids
    assert sum(again) >= 15 * counters.unit_positions
