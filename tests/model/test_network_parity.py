"""The network gives the published code's numbers: mels, encoder, adaptor, prompts, states, logits and loss."""

from __future__ import annotations

import pytest
import torch

from model.config import SPEECH_INDEX
from model.mel import log_mel
from tests.model import recorded

DIALOGUES = ("d1", "d3", "d6", "t1")


@pytest.fixture(scope="module")
def mels() -> torch.Tensor:
    return torch.stack([log_mel(torch.from_numpy(wave)) for wave in recorded.waves()])


@pytest.fixture(scope="module")
def rows(mels: torch.Tensor) -> list[torch.Tensor]:
    with torch.inference_mode():
        return recorded.network().encode_speech(mels)


def near(ours: torch.Tensor, name: str, within: float = 1e-4) -> None:
    wanted = recorded.tensors()[name]
    assert ours.shape == wanted.shape
    assert (ours - wanted).abs().max().item() <= within, name


def test_log_mels_are_whispers(mels: torch.Tensor) -> None:
    near(mels[0, :234], "mel.0.head", 1e-6)
    assert torch.allclose(mels[0, 234:], recorded.tensors()["mel.0.tail_value"], atol=1e-6)
    near(mels[1, ::6], "mel.1.rows", 1e-6)
    near(mels[2, ::12], "mel.2.rows", 1e-6)


def test_the_encoder_gives_the_published_states(mels: torch.Tensor) -> None:
    with torch.inference_mode():
        states = recorded.network().model.speech_encoder(mels)
    near(states[0, ::2], "encoder.0")
    near(states[1, ::20], "encoder.1.rows")
    near(states[2, ::20], "encoder.2.rows")


def test_the_adaptor_gives_300_rows_an_utterance(rows: list[torch.Tensor]) -> None:
    assert [row.shape for row in rows] == [(300, 64)] * 3
    near(rows[0], "adaptor.0")
    near(rows[1][::3], "adaptor.1")
    near(rows[2][::3], "adaptor.2")


@pytest.mark.parametrize("name", DIALOGUES)
def test_prompts_are_tokenized_as_published(name: str) -> None:
    prompt = recorded.processor().prompt(recorded.dialogue(name))
    assert list(prompt.ids) == recorded.tensors()[f"{name}.input_ids"].tolist()
    assert prompt.positions == recorded.facts()["dialogs"][name]["embeds_len"]


@pytest.mark.parametrize("name", DIALOGUES)
def test_states_and_logits_of_a_prompt_are_the_published_ones(name: str, rows: list[torch.Tensor]) -> None:
    model, about = recorded.network(), recorded.facts()["dialogs"][name]
    with torch.inference_mode():
        made = model.splice(recorded.tensors()[f"{name}.input_ids"][None], [rows[i] for i in about["speech"]])
        states = model.model(inputs_embeds=made.embeds).last_hidden_state[0]
        near(made.embeds[0, :: about["row_step"]], f"{name}.inputs_embeds.rows")
        near(states[:: 4 * about["row_step"]], f"{name}.hidden_prompt.rows")
        near(states[-1], f"{name}.hidden_prompt_last")
        near(model.lm_head(states[-1]), f"{name}.logits_prompt_last")


def test_a_padded_batch_has_the_published_loss(mels: torch.Tensor) -> None:
    recordings, about = recorded.tensors(), recorded.facts()["batch"]
    batch = {key: recordings[f"batch.{key}"] for key in ("input_ids", "attention_mask", "labels")}
    speech = mels[about["speech_order"]]
    with torch.inference_mode():
        out = recorded.network()(**batch, speech=speech)
        made = recorded.network().splice(
            batch["input_ids"], recorded.network().encode_speech(speech), batch["attention_mask"], batch["labels"]
        )
    assert abs(out.loss.item() - about["loss"]) <= 1e-4
    assert torch.equal(made.labels, recordings["batch.spliced_labels"])
    assert torch.equal(made.mask, recordings["batch.spliced_mask"])
    places = recordings["batch.target_pos"]
    near(out.logits[places[:, 0], places[:, 1]], "batch.target_logits")


def test_transformers_generate_writes_the_published_text_in_a_ragged_batch() -> None:
    model, about = recorded.network(), recorded.tensors()
    inputs = recorded.processor()([recorded.dialogue(name) for name in DIALOGUES])
    ends = {"eos_token_id": [306, 304], "pad_token_id": 304, "bos_token_id": 304}
    made = model.generate(**inputs, do_sample=False, max_new_tokens=64, **ends)
    for row, name in zip(made.tolist(), DIALOGUES, strict=True):
        wanted = about[f"{name}.text_ids"].tolist()
        assert row[: len(wanted)] == wanted and set(row[len(wanted) :]) <= {304}, name
    typed = recorded.processor()([recorded.dialogue("t1")])
    alone = model.generate(**typed, do_sample=False, max_new_tokens=64, **ends)
    assert alone[0, typed["input_ids"].shape[1] :].tolist() == about["t1.text_ids"].tolist()


def test_a_batch_of_ragged_prompts_gives_what_each_gives_alone() -> None:
    model, processor = recorded.network(), recorded.processor()
    inputs = processor([recorded.dialogue(name) for name in DIALOGUES])
    assert (inputs["input_ids"] == SPEECH_INDEX).sum() == len(inputs["speech"]) == 7
    with torch.inference_mode():
        logits = model(**inputs).logits
    for row, name in zip(logits, DIALOGUES, strict=True):
        near(row[recorded.facts()["dialogs"][name]["embeds_len"] - 1], f"{name}.logits_prompt_last")
