"""Trained for seconds on real speech, the codec gets better on speech that it has not heard."""

from __future__ import annotations

import itertools
import sys
import time

import pytest
import torch
from torch import Tensor

from agents.sound.quality import stoi
from agents.sound.wave import Sound
from model.codec import Codec, CodecConfig, CodecOutput
from tests.model.codec.sizes import RATE_HZ, spoken

VOICES = ("en-us", "en-us+f2", "en-us+m3", "en-us+f4")
STARTS = ("The pain", "A dry cough", "My headache", "The fever", "This rash", "The swelling", "A burning feeling")
ENDS = (
    "started three days ago", "came back after dinner", "got worse in the morning", "went away since last week",
    "bothers me when I climb stairs", "became stronger while sleeping", "did not change after the tablets",
)
SEEN, UNSEEN = "and I feel tired.", "but I have no allergies."


def corpus(count: int, end: str) -> list[Tensor]:
    made = itertools.product(STARTS, ENDS, VOICES)
    texts = [(f"{a} {b}, {end}", voice) for n, (a, b, voice) in enumerate(made) if n % (196 // count) == 0]
    return [spoken(text, voice) for text, voice in texts[:count]]


def judged(codec: Codec, sounds: list[Tensor]) -> CodecOutput:
    lengths = torch.tensor([len(sound) for sound in sounds])
    with torch.inference_mode():
        found: CodecOutput = codec.eval()(torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True), lengths)
    return found


def train(
    codec: Codec, sounds: list[Tensor], rate: float, piece: int, done: float, *, steps: bool, sound: bool
) -> None:
    """Take ``done`` steps, or CPU-seconds, on random pieces; ``sound``: the learned head alone, else all but it."""
    joined = torch.cat(sounds)
    weights = [p for name, p in codec.named_parameters() if name.startswith("istft") == sound]
    codec.requires_grad_(False).train(not sound)
    for weight in weights:
        weight.requires_grad_(True)
    optimizer = torch.optim.AdamW(weights, lr=rate, betas=(0.8, 0.99))
    draw, began, count = torch.Generator().manual_seed(0), time.process_time(), 0
    while (past := (count if steps else time.process_time() - began) / done) < 1:
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (count + 1) / 20) * max(0.02, 1 - past)
        at = torch.randint(len(joined) - piece, (8,), generator=draw).tolist()
        found = codec(torch.stack([joined[k : k + piece] for k in at]), with_sound=sound)
        optimizer.zero_grad()
        found.loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        count += 1


def test_seconds_of_training_are_heard_on_unseen_sentences() -> None:
    torch.manual_seed(0)
    codec = Codec(CodecConfig(hidden_size=64, decoder_blocks=1, head_size=64, head_blocks=2))
    sounds, held_out = corpus(8, SEEN), corpus(3, UNSEEN)
    before = judged(codec, held_out)
    train(codec, sounds, 5e-3, 9_600, 45, steps=True, sound=False)
    between = judged(codec, held_out)
    assert between.mel_l1 < 0.5 * before.mel_l1
    assert between.units_used > 60 > 5 * before.units_used, "the quantizer does not collapse"
    train(codec, sounds, 5e-3, 7_200, 20, steps=True, sound=True)
    after = judged(codec, held_out)
    assert torch.equal(after.mel_l1, between.mel_l1), "the head's training leaves the codec as it is"
    assert after.sound_mel_l1 < 0.85 * between.sound_mel_l1
    assert after.sound_distance < 0.9 * between.sound_distance


@pytest.mark.soak
def test_two_minutes_give_intelligible_speech(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    codec = Codec(CodecConfig())
    held_out = corpus(12, UNSEEN)
    before = judged(codec, held_out)
    sounds = corpus(98, SEEN)
    train(codec, sounds, 3e-3, 24_000, 120, steps=False, sound=False)
    train(codec, sounds, 3e-3, 14_400, 60, steps=False, sound=True)
    after = judged(codec, held_out)
    figures = {"untrained": before.mel_l1.item(), "nats": after.mel_l1.item(), "log10": after.mel_l1.item() / 2.302585}
    figures |= {"used": after.units_used, "perplexity": after.perplexity}
    for head in ("griffin_lim", "istft"):
        figures[head] = sum(heard(codec, sound, head) for sound in held_out) / len(held_out)
    with capsys.disabled():
        sys.stdout.write(f"\n{ {key: round(value, 3) for key, value in figures.items()} }\n")
    assert after.mel_l1 < 0.75 < 3 < before.mel_l1
    assert after.units_used > 400
    assert figures["griffin_lim"] > 0.75 and figures["istft"] > 0.6


def heard(codec: Codec, sound: Tensor, head: str) -> float:
    """STOI of the sound that comes back."""
    made = codec.sound(codec.encode(sound[None]), head=head)[0]  # type: ignore[arg-type]
    value = stoi(Sound(sound.numpy(), RATE_HZ), Sound(made.numpy(), RATE_HZ)).value
    assert value is not None
    return value
