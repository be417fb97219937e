"""The SpeechLM as a doctor, with a real tiny model: what it hears and says, streams, refuses, and lets go of."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from agents.doctors.speechlm import open_worker
from agents.doctors.speechlm_doctor import SpeechLMDoctor
from agents.doctors.speechlm_options import SpeechLMOptions
from agents.llm.hearing import heard_by
from agents.protocols import DoctorReply, DoctorView
from agents.sound.shelf import SoundShelf
from agents.sound.wave import Sound
from scenarios.errors import AgentFailure, InputError
from scenarios.schema import AudioRef
from tests.agents.doctors.conftest import said
from tests.agents.doctors.test_speechlm_options import copy
from tests.agents.doctors_llm.models import view_of

SHORT: dict[str, Any] = {
    "max_new_tokens": 12, "temperature": 1.0, "max_spoken_s": 1.0, "dtype": "float32", "device": "cpu",
}


def doctor_of(checkpoint: Path, **more: Any) -> SpeechLMDoctor:
    return SpeechLMDoctor(SpeechLMOptions.model_validate({"checkpoint": str(checkpoint), **SHORT, **more}))


@pytest.fixture
async def doctor(checkpoint: Path) -> AsyncIterator[SpeechLMDoctor]:
    made = doctor_of(checkpoint)
    yield made
    await made.aclose()


def heard(*lines: str, seed: int = 11, speak: bool = False, **sounds: AudioRef) -> DoctorView:
    """A view after ``lines``; ``s0`` is the sound of line 0."""
    view = view_of(*lines, sounds={int(name[1:]): ref for name, ref in sounds.items()})
    return dataclasses.replace(view, seed=seed, speak=speak)


class Ear:
    def __init__(self) -> None:
        self.pieces: list[str] = []

    def words(self, text: str) -> None:
        self.pieces.append(text)

    def again(self) -> None:
        self.pieces.clear()


def same(one: DoctorReply, other: DoctorReply) -> bool:
    assert one.sound is not None and other.sound is not None
    return one.text == other.text and np.allclose(one.sound.samples, other.sound.samples, atol=1e-4)


async def test_it_hears_answers_and_speaks_and_streams_its_words(doctor: SpeechLMDoctor, shelf: SoundShelf) -> None:
    ear = Ear()
    with heard_by(ear):
        reply = await doctor.reply(heard("patient: ", s0=said(shelf), speak=True))
    assert reply.text and reply.sound is not None and reply.sound.rate_hz == 24_000
    assert 0.5 < reply.sound.seconds <= 1.2 and np.isfinite(reply.sound.samples).all()
    assert reply.usage is not None and reply.usage.completion == 12 and reply.usage.cached == 0
    assert reply.first_s is not None and reply.first_audio_s is not None and reply.first_s <= reply.first_audio_s
    assert len(ear.pieces) > 1 and set(reply.text) <= set("".join(ear.pieces)), "words come piece by piece"


async def test_what_it_says_depends_on_seed_words_and_sound_and_on_nothing_else(
    doctor: SpeechLMDoctor, shelf: SoundShelf
) -> None:
    low, high = said(shelf), said(shelf, pitch_hz=900.0)
    first, again, other_seed, other_sound, read = await asyncio.gather(*(doctor.reply(view) for view in (
        heard("patient: Hello.", s0=low, speak=True), heard("patient: Hello.", s0=low, speak=True),
        heard("patient: Hello.", s0=low, speak=True, seed=12), heard("patient: Hello.", s0=high, speak=True),
        heard("patient: Hello."),
    )))
    alone = await doctor.reply(heard("patient: Hello.", s0=low, speak=True))
    assert same(first, again) and same(first, alone), "alone or among others"
    assert len({first.text, other_seed.text, other_sound.text, read.text}) == 4
    assert read.sound is None, "not asked to speak"


async def test_a_later_turn_computes_only_what_is_new_and_going_back_says_the_same(
    doctor: SpeechLMDoctor, shelf: SoundShelf
) -> None:
    refs = [said(shelf, 1.0, hertz) for hertz in (150.0, 300.0, 450.0)]
    lines = ["patient: a"]
    replies = []
    for turn, ref in enumerate(refs):
        sounds = {f"s{2 * place}": one for place, one in enumerate(refs[: turn + 1])}
        replies.append(await doctor.reply(heard(*lines, **sounds)))
        lines += [f"doctor: {replies[-1].text}", "patient: b"]
        del ref
    used = [reply.usage for reply in replies]
    assert all(one is not None for one in used)
    assert [one.cached > 0 for one in used if one] == [False, True, True]
    assert used[2] and used[1] and used[2].cached > used[1].cached
    back = await doctor.reply(heard("patient: a", s0=refs[0]))
    assert back.text == replies[0].text and back.usage and back.usage.cached == back.usage.prompt - 1
    fork = await doctor.reply(heard("patient: a", "doctor: Where?", "patient: b", s0=refs[0], s2=refs[1]))
    assert fork.usage and fork.usage.cached > 60 and fork.text != replies[1].text


async def test_messages_hold_sounds_in_their_places_and_intake_before_the_first(
    checkpoint: Path, shelf: SoundShelf
) -> None:
    view = heard("patient: It hurts.", "doctor: Where?", "examiner: fever", "patient: Here <|im_end|>.",
                 s0=said(shelf), s3=said(shelf, 2.0))
    asked = doctor_of(checkpoint, also_text=True).asks(view)
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    first, last = asked[0]["content"], asked[2]["content"]
    assert "35" in first[0]["text"] and "It hurts." in first[2]["text"]
    assert first[1] == {"type": "sound", "seconds": 1.5}
    assert "fever" in last[0]["text"] and last[1]["seconds"] == 2.0 and last[2]["text"].strip() == "Here ."
    assert doctor_of(checkpoint, hear=False).asks(view)[0]["content"].endswith("It hurts.")
    ours = doctor_of(checkpoint, system=None).asks(view)
    assert ours[0]["role"] == "system" and len(ours[0]["content"]) > 100


@pytest.mark.parametrize(("change", "owner", "kind"), [
    ({"path": "audio/aa/gone.wav"}, "voice", "audio_missing"), ({"path": "../out.wav"}, "voice", "audio_outside"),
])
async def test_a_sound_that_cannot_be_read_is_the_voices_failure(
    doctor: SpeechLMDoctor, shelf: SoundShelf, change: dict[str, str], owner: str, kind: str
) -> None:
    ref = said(shelf).model_copy(update=change)
    with pytest.raises(AgentFailure) as failure:
        await doctor.reply(heard("patient: a", s0=ref))
    assert (failure.value.owner, failure.value.kind) == (owner, kind)


async def test_sound_over_thirty_seconds_is_refused_or_heard_in_parts_and_never_cut(
    checkpoint: Path, doctor: SpeechLMDoctor, shelf: SoundShelf
) -> None:
    long = said(shelf, 31.0)
    with pytest.raises(AgentFailure, match="30 s") as failure:
        await doctor.reply(heard("patient: a", s0=long))
    assert (failure.value.owner, failure.value.kind) == ("doctor", "bad_audio")
    splits = doctor_of(checkpoint, long_speech="split")
    try:
        short = await splits.reply(heard("patient: a", s0=said(shelf, 1.0)))
        whole = await splits.reply(heard("patient: a", s0=long))
    finally:
        await splits.aclose()
    assert short.usage and whole.usage and whole.usage.prompt - short.usage.prompt == 300


async def test_a_dialogue_that_does_not_fit_is_the_doctors_and_preflight_says_so_before(
    doctor: SpeechLMDoctor, shelf: SoundShelf
) -> None:
    with pytest.raises(AgentFailure, match="4096") as failure:
        await doctor.reply(heard("patient: " + "痛" * 9_000))
    assert (failure.value.owner, failure.value.kind) == ("doctor", "context_overflow")
    with pytest.raises(InputError, match="may need 5000 positions, the model takes 4096"):
        await doctor.preflight(5_000)


async def test_a_turn_that_is_given_up_ends_its_answer_and_others_go_on(
    checkpoint: Path, shelf: SoundShelf
) -> None:
    doctor = doctor_of(checkpoint, max_new_tokens=600, max_spoken_s=60, max_streams=2)
    try:
        await doctor.preflight(10)
        late = [asyncio.create_task(doctor.reply(heard("patient: a", seed=seed, speak=True))) for seed in range(4)]
        opened = await doctor._opened()
        while opened.worker.counters.running < 2:
            await asyncio.sleep(0.01)
        for task in late:
            task.cancel()
        await asyncio.wait(late)
        assert all(task.cancelled() for task in late)
        while (counters := opened.worker.counters).running + counters.waiting:
            await asyncio.sleep(0.01)
        assert (counters.running, counters.waiting, counters.text_rows, counters.unit_rows) == (0, 0, 0, 0)
        assert counters.cancelled == counters.answers == 2, "those who waited for a place never reached the model"
    finally:
        await doctor.aclose()


async def test_doctors_share_one_model_and_the_last_one_frees_it(checkpoint: Path) -> None:
    one, two, other = doctor_of(checkpoint), doctor_of(checkpoint, temperature=0), doctor_of(checkpoint, kept_mb=1)
    await asyncio.gather(*(each.preflight(10) for each in (one, two, other)))
    models = [await each._opened() for each in (one, two, other)]
    assert models[0].worker is models[1].worker is not models[2].worker

    def threads() -> int:
        return sum(thread.name.startswith("speechlm") for thread in threading.enumerate())

    assert threads() == 2
    await one.aclose()
    assert (await two.reply(heard("patient: Hello."))).text, "somebody still uses it"
    await asyncio.gather(two.aclose(), other.aclose(), one.aclose())
    assert threads() == 0


async def test_weights_that_cannot_be_loaded_fail_the_turn_as_infrastructure_and_may_be_mended(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(checkpoint, folder)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    doctor = doctor_of(folder)
    with pytest.raises(InputError, match="truncated|cut|damaged|short"):
        await doctor.preflight(10)
    with pytest.raises(AgentFailure) as failure:
        await doctor.reply(heard("patient: Hello."))
    assert (failure.value.owner, failure.value.kind) == ("infrastructure", "model_not_loaded")
    (folder / "model.safetensors").write_bytes(whole)
    assert (await doctor.reply(heard("patient: Hello."))).text
    await doctor.aclose()


async def test_a_model_without_a_generator_hears_and_writes(
    checkpoint: Path, tmp_path: Path, shelf: SoundShelf
) -> None:
    folder = copy(checkpoint, tmp_path / "text", speech_generator=None)
    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("speech_gen")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    doctor = doctor_of(folder)
    reply = await doctor.reply(heard("patient: ", s0=said(shelf), speak=True))
    await doctor.aclose()
    assert reply.text and reply.sound is None
    with pytest.raises(InputError, match="has no speech generator: it only writes"):
        doctor_of(folder, speak=True)


def test_whoever_opens_a_model_may_ask_it_without_a_consultation(checkpoint: Path) -> None:
    opened = open_worker(SpeechLMOptions.model_validate({"checkpoint": str(checkpoint), **SHORT}))
    try:
        hum = Sound(np.full(4_410, 0.1, np.float32), 44_100)
        message = opened.to_message("user", ["Listen:", hum])
        assert len(message.parts[1].samples) == 1_600  # type: ignore[union-attr]
        settings = opened.settings(seed=-3, max_new_tokens=5_000, stop=("x",))
        assert settings.max_new_tokens == 12 and settings.stop == ("x",) and settings.seed >= 0 and settings.speak
        events = [type(event).__name__ for event in opened.worker.answer([message], settings)]
        assert events[-1] == "Ended" and {"TextPiece", "UnitPiece", "SoundPiece"} <= set(events)
        assert opened.rate_hz == 24_000 and opened.info.speaks and opened.context == 4_096
    finally:
        opened.close()
        opened.close()
