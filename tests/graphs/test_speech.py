"""The speech nodes: what is said aloud, what of it arrives, what is understood, and what each party then knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.protocols import DoctorReply, ListenerView, PatientReply, Spoken, Transcript, VoiceView
from agents.room.turn_taking import SILENT_WORDS
from agents.sound.shelf import SoundShelf, shelved
from agents.sound.wave import Sound, read_sound
from agents.voices.synthesis import Studio
from graphs.consultation import Cast, build_consultation
from graphs.perceiving import UNHEARD
from graphs.speech import Acoustics
from scenarios.errors import AgentFailure
from scenarios.schema import Channel, Noise, Turn, TurnTaking
from tests.helpers import QuietExaminer, TalkingDoctor, TalkingPatient, small_case, start


@dataclass
class Hum:
    """A voice: 50 ms of a tone for each character, higher for each speaker name; may fail first."""

    failures: list[Exception] = field(default_factory=list)
    spoke: list[VoiceView] = field(default_factory=list)

    def key(self, view: VoiceView) -> str:
        return f"{view.speaker.name} {view.text}"

    async def speak(self, view: VoiceView) -> Spoken:
        await asyncio.sleep(0.01)
        if self.failures:
            raise self.failures.pop(0)
        self.spoke.append(view)
        time = np.arange(round(22_050 * 0.05 * len(view.text))) / 22_050
        tone = 0.3 * np.sin(2 * np.pi * (100 + 10 * len(view.speaker.name)) * time)
        return Spoken(Sound(tone.astype(np.float32), 22_050), view.text, "hum")


@dataclass
class Ear:
    """Understands what it is told to, else the words with a mark; remembers what it was given."""

    heard: dict[str, str] = field(default_factory=dict)
    seen: list[ListenerView] = field(default_factory=list)

    async def listen(self, view: ListenerView) -> Transcript:
        self.seen.append(view)
        return Transcript(self.heard.get(view.text, view.text))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[SoundShelf]:
    shelf = SoundShelf(tmp_path)
    with shelved(shelf):
        yield shelf
    shelf.close()


def acoustics(voice: Hum | None = None, ear: Ear | None = None, **changes: Any) -> Acoustics:
    studio = Studio(voice or Hum(), "hum")
    plain = Acoustics(
        input_speech=True, output_speech=True, voice=studio, doctor_voice=studio, listener=ear or Ear(),
    )
    return replace(plain, **changes)


async def hold(
    how: Acoustics, doctor: Any = None, patient: Any = None, *, max_turns: int = 2, seed: int = 7
) -> tuple[Turn, ...]:
    cast = Cast(doctor or TalkingDoctor(), patient or TalkingPatient(), QuietExaminer(), acoustics=how)
    first = {**start(small_case(), max_turns=max_turns), "seed": seed}
    state = await build_consultation(cast).compile().ainvoke(first, {"recursion_limit": 200})
    turns: tuple[Turn, ...] = state["turns"]
    return turns


async def test_both_sides_are_stored_at_their_rates_with_exact_seconds(shelf: SoundShelf) -> None:
    turns = await hold(acoustics())
    assert [turn.role for turn in turns] == ["patient", "doctor", "patient", "doctor"]
    for turn in turns:
        assert turn.audio and turn.speech and turn.speech.voice == "hum"
        sound = read_sound(shelf.root / turn.audio.path)
        assert sound.rate_hz == turn.audio.sample_rate_hz == (16_000 if turn.role == "patient" else 24_000)
        assert sound.seconds == turn.audio.seconds == pytest.approx(0.05 * len(turn.text), abs=0.001)
        assert len(turn.speech.waveform) == 64 and not turn.speech.silent
        assert turn.heard == turn.text and turn.speech.characters and turn.speech.characters.edits == 0


async def test_the_patient_reads_what_was_heard_and_both_texts_are_kept(shelf: SoundShelf) -> None:
    doctor = TalkingDoctor([DoctorReply("Since when?"), DoctorReply("Rest.")])
    patient = TalkingPatient()
    turns = await hold(acoustics(ear=Ear({"Since when?": "Sin's wen?"})), doctor, patient)
    assert (turns[1].text, turns[1].heard) == ("Since when?", "Sin's wen?")
    assert patient.seen[1].turns[1].text == "Sin's wen?"
    assert doctor.seen[1].dialogue[1].text == "Since when?", "a doctor knows what it said itself"


async def test_a_doctor_who_reads_gets_the_transcript_and_the_patient_keeps_its_own_words(shelf: SoundShelf) -> None:
    doctor, patient = TalkingDoctor(), TalkingPatient()
    await hold(acoustics(ear=Ear({"patient line 0": "patent lime 0"})), doctor, patient)
    assert doctor.seen[0].dialogue[0].text == "patent lime 0"
    assert patient.seen[1].turns[0].text == "patient line 0"


async def test_a_doctor_who_hears_gets_sound_and_no_words(shelf: SoundShelf) -> None:
    doctor, ear = TalkingDoctor(), Ear()
    turns = await hold(acoustics(ear=ear, hears=True, output_speech=False), doctor)
    said = doctor.seen[1].dialogue
    assert [(u.role, u.text, u.audio is not None) for u in said] == [
        ("patient", "", True), ("doctor", "doctor line 1", False), ("patient", "", True),
    ]
    assert ear.seen == [] and turns[0].heard is None, "nobody has to understand what the doctor hears itself"


async def test_a_doctor_who_hears_and_wants_words_too_gets_those_that_were_understood(shelf: SoundShelf) -> None:
    doctor = TalkingDoctor()
    await hold(acoustics(ear=Ear({"patient line 0": "patent lime"}), hears=True, wants_words=True), doctor)
    assert doctor.seen[0].dialogue[0].text == "patent lime" and doctor.seen[0].dialogue[0].audio


@pytest.mark.parametrize(("heard", "spoken"), [(False, False), (True, False), (False, True), (True, True)])
async def test_what_goes_in_and_what_comes_out_are_independent(shelf: SoundShelf, heard: bool, spoken: bool) -> None:
    doctor = TalkingDoctor()
    turns = await hold(acoustics(input_speech=heard, output_speech=spoken, speaks=True), doctor)
    assert [turn.audio is not None for turn in turns] == [heard, spoken, heard, spoken]
    assert [turn.heard is not None for turn in turns] == [heard, spoken, heard, spoken]
    assert doctor.seen[0].speak is spoken


async def test_a_doctors_own_sound_is_used_and_nobody_else_speaks_for_it(shelf: SoundShelf) -> None:
    own = Sound(np.full(8_000, 0.1, np.float32), 8_000)
    voice, ear = Hum(), Ear()
    doctor = TalkingDoctor([DoctorReply("Hello.", sound=own, first_audio_s=0.25), DoctorReply("Bye.")])
    turns = await hold(acoustics(voice, ear, speaks=True), doctor)
    assert turns[1].speech and turns[1].speech.voice == "doctor" and turns[1].audio
    assert turns[1].audio.seconds == 1.0 and turns[1].audio.sample_rate_hz == 24_000
    assert turns[1].speech_timing and turns[1].speech_timing.first_audio_s == 0.25
    assert [view.text for view in voice.spoke if view.speaker.name.startswith("doctor")] == ["Bye."]
    assert ear.seen[1].sound and ear.seen[1].sound.seconds == 1.0


async def test_a_voice_that_fails_is_tried_again_and_nobody_has_to_repeat_himself(shelf: SoundShelf) -> None:
    patient = TalkingPatient()
    voice = Hum([AgentFailure("voice", "crashed", "gone", retryable=True)])
    turns = await hold(acoustics(voice), patient=patient)
    assert len(turns) == 4 and len(patient.seen) == 2


async def test_a_voice_that_fails_for_good_is_the_voices_failure(shelf: SoundShelf) -> None:
    with pytest.raises(AgentFailure) as caught:
        await hold(acoustics(Hum([ValueError("no such phoneme")])))
    assert (caught.value.owner, caught.value.kind) == ("voice", "exception")


async def test_the_same_words_of_the_same_speaker_are_made_once(shelf: SoundShelf) -> None:
    voice = Hum()
    how = acoustics(voice)
    held = await asyncio.gather(*(hold(how, seed=seed) for seed in range(8)))
    assert len(voice.spoke) == 4, "four texts, eight consultations at once"
    assert len({turns[0].audio.path for turns in held if turns[0].audio}) == 1
    timings = [turns[0].speech_timing for turns in held]
    assert sum(t is not None and not t.cached for t in timings) == 1, "one made it, the others found it"
    await hold(acoustics(voice), seed=9)
    assert len(voice.spoke) == 4, "found again on the shelf"


async def test_the_channel_changes_what_arrives_and_not_what_was_said(shelf: SoundShelf) -> None:
    doctor, ear = TalkingDoctor(), Ear()
    noisy = Channel(noise=Noise(kind="white", snr_db=0))
    turns = await hold(acoustics(ear=ear, channel=noisy, hears=True, wants_words=True), doctor)
    first = turns[0]
    assert first.audio and first.heard_audio and first.speech and first.speech.channel
    clean, noise = read_sound(shelf.root / first.audio.path), read_sound(shelf.root / first.heard_audio.path)
    assert clean.seconds == noise.seconds and not np.allclose(clean.samples, noise.samples, atol=0.01)
    assert doctor.seen[0].dialogue[0].audio == first.heard_audio
    assert ear.seen[0].sound and np.array_equal(ear.seen[0].sound.samples, noise.samples)
    assert turns[1].heard_audio is None, "the channel is the patient's"


async def test_an_interrupted_doctor_is_heard_only_so_far(shelf: SoundShelf) -> None:
    ear, text = Ear(), "Please tell me when the pain began and what you had eaten on the day before."
    doctor = TalkingDoctor([DoctorReply(text), DoctorReply(text)])
    turns = await hold(acoustics(ear=ear, manners=TurnTaking(interrupts=1)), doctor)
    cut, last = turns[1], turns[3]
    assert cut.audio and cut.heard_audio and cut.speech and cut.speech.cut_s
    assert cut.heard_audio.seconds == pytest.approx(cut.speech.cut_s, abs=0.001)
    assert cut.speech.cut_s < cut.audio.seconds
    assert cut.heard and text.startswith(cut.heard) and len(cut.heard) < len(text)
    assert cut.speech.characters and cut.speech.characters.edits == 0, "what was not said was not misheard"
    assert last.heard_audio is None and last.heard == text, "nobody interrupts the last word"


async def test_a_silent_answer_is_silence_and_the_patient_is_not_asked(shelf: SoundShelf) -> None:
    patient, doctor = TalkingPatient(), TalkingDoctor()
    manners = TurnTaking(silent=0.9, silence_s=2.5)
    turns = await hold(acoustics(manners=manners, reads=True), doctor, patient, max_turns=8)
    silent = [turn for turn in turns if turn.text == SILENT_WORDS["en"]]
    assert silent and turns[0].text == "patient line 0", "the opening is always said"
    assert len(patient.seen) == 8 - len(silent)
    for turn in silent:
        assert turn.audio and turn.audio.seconds == 2.5 and turn.speech and turn.speech.silent
        assert turn.heard == "" and turn.speech.characters is None and turn.disclosed == ()
    assert SILENT_WORDS["en"] in {view.dialogue[-1].text for view in doctor.seen}


async def test_who_understood_nothing_is_told_so(shelf: SoundShelf) -> None:
    doctor, patient = TalkingDoctor(), TalkingPatient()
    turns = await hold(acoustics(ear=Ear({"patient line 0": "", "doctor line 1": " "})), doctor, patient)
    assert (turns[0].heard, turns[1].heard) == ("", "")
    assert doctor.seen[0].dialogue[0].text == UNHEARD["en"] == patient.seen[1].turns[1].text
    assert turns[0].speech and turns[0].speech.characters
    assert turns[0].speech.characters.deletions == turns[0].speech.characters.reference > 0


async def test_a_listener_that_reads_needs_no_voice_and_no_folder() -> None:
    turns = await hold(replace(acoustics(reads=True), voice=None, doctor_voice=None))
    assert [turn.audio for turn in turns] == [None] * 4
    assert all(turn.heard == turn.text and turn.speech and turn.speech.characters for turn in turns)


async def test_sound_without_a_folder_is_the_infrastructures_failure() -> None:
    with pytest.raises(AgentFailure) as caught:
        await hold(acoustics())
    assert (caught.value.owner, caught.value.kind) == ("infrastructure", "no_shelf")


async def test_the_same_seed_gives_the_same_turns_but_for_the_timings(shelf: SoundShelf, tmp_path: Path) -> None:
    how = {"manners": TurnTaking(interrupts=0.5, silent=0.3), "channel": Channel(noise=Noise(snr_db=10))}
    first = await hold(acoustics(**how), max_turns=5)
    other = SoundShelf(tmp_path / "other")
    with shelved(other):
        second = await hold(acoustics(**how), max_turns=5)
    other.close()
    untimed = [[turn.model_dump(exclude={"latency", "speech_timing"}) for turn in turns] for turns in (first, second)]
    assert untimed[0] == untimed[1]
    third = await hold(acoustics(**how), max_turns=5, seed=8)
    assert [turn.text for turn in third] != [turn.text for turn in first] or third != first


async def test_a_patient_who_leaves_is_heard_to_the_end(shelf: SoundShelf) -> None:
    patient = TalkingPatient([PatientReply("hello"), PatientReply("thank you", end="farewell")])
    turns = await hold(acoustics(), patient=patient, max_turns=5)
    assert turns[-1].end == "farewell" and turns[-1].audio
