"""Writes a small run folder in which patients and doctors are heard: real WAV files, real levels, real error counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.room.channel import through
from agents.sound.error_rate import count_errors
from agents.sound.levels import levels
from agents.sound.shelf import SoundShelf
from agents.sound.wave import Sound, silence
from scenarios.identity import content_hash
from scenarios.schema import (
    HEARD_HZ,
    SPOKEN_HZ,
    Case,
    Channel,
    Consultation,
    Evidence,
    Key,
    Language,
    Latency,
    SpeechFigures,
    SpeechTiming,
    Turn,
    Verdict,
)
from simulator.store import RunWriter
from tests.helpers import small_case

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
DOCTORS = ("at-the-desk", "on-the-telephone")
TELEPHONE = Channel.model_validate({"noise": {"kind": "pink", "snr_db": 12}, "telephone": "narrowband"})
WORDS: dict[Language, tuple[str, ...]] = {
    "zh": ("医生您好，我胃疼三天了，还有点恶心，吃完饭以后更厉害。", "疼痛是什么时候开始的？体温有没有超过38.5℃？",
           "……（没有说话）", "您不用紧张。先做一个胃镜检查，平时不要吃布洛芬这一类的止痛药，好吗？",
           "前几天感冒吃过布洛芬。", "考虑急性胃炎，先停布洛芬，清淡饮食；如果呕血或者黑便，马上去急诊。"),
    "en": ("Doctor, my chest has been aching since Monday, mostly on the stairs.",
           "Does the pain move into your left arm, and do you feel short of breath?",
           "... (says nothing)",
           "Please do not worry. I would like to take a tracing of your heart now, and some blood.",
           "It does go down my left arm, yes.", "This may be your heart: we will call an ambulance straight away."),
}
HEARD: dict[Language, tuple[str, ...]] = {
    "zh": ("医生您好，我喂疼三天，还有典恶心，吃完饭以后更厉害",
           "疼痛是什么时候开始的，体温有没有超过三十八点五摄氏度", "",
           "您不用紧张，先做一个胃镜检查", "前几天感冒吃过布罗分",
           "考虑急性胃炎，先停布洛芬，清淡饮食，如果呕血或者黑便，马上去急诊"),
    "en": ("doctor my chess has been aching since one day mostly on the stairs",
           "does the pain move into your left arm and do you feel short of breath", "",
           "please do not worry i would like to take", "it does go down my left farm yes",
           "this may be your heart we will call an ambulance straight away"),
}
FACTS = {"zh": "前几天吃过布洛芬", "en": "The pain goes down the left arm"}


@dataclass(frozen=True)
class Spoken:
    """A written run: its folder, and its consultations in the order in which they stand in the file."""

    folder: Path
    records: tuple[Consultation, ...]

    def one(self, language: Language, doctor: str = DOCTORS[0]) -> Consultation:
        """Return a consultation."""
        return next(r for r in self.records if (r.language, r.key.doctor) == (language, doctor))


def write_spoken_run(
    folder: Path, *, name: str = "spoken", measured: bool = True, hostile: bool = False, sweep: bool = False,
) -> Spoken:
    """Write a finished run with sound: two patients (zh, en), a doctor at the desk and one on a noisy telephone line.

    In each the patient once says nothing, and interrupts the doctor once. ``hostile``: what was heard is markup;
    ``sweep``: two doctors more, so that the figure of what mishearing costs has four points.
    """
    doctors = (*DOCTORS, *(("behind-a-mask", "in-a-storm") if sweep else ()))
    cases = (_case("zh"), _case("en"))
    batch = {"name": name, "doctors": {doctor: {"backend": "history-taker"} for doctor in doctors}, "trials": 1,
             "seed": 3, "input_speech": True, "output_speech": True}
    identity = {"batch": {"name": name}, "cases": {case.id: content_hash(case) for case in cases}}
    info = {"format": 1, "name": name, "planned": len(cases) * len(doctors), "seed": 3, "batch": batch,
            "notice": "Simulation for research. Nothing here is medical advice."}
    writer = RunWriter(folder, identity, info, resume=False)
    writer.write_cases(cases)
    shelf = SoundShelf(folder)
    records = tuple(_consultation(case, doctor, shelf, hostile) for case in cases for doctor in doctors)
    for record in records:
        writer.consultation(record)
    writer.close()
    if measured:
        lines = (_measured(record, turn) for record in records for turn in record.turns if turn.audio)
        (folder / "sound.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return Spoken(folder, records)


def voice(text: str, hertz: float, rate_hz: int) -> Sound:
    """Return something with the rhythm of speech: a harmonic buzz, a syllable a letter or so, pauses at commas."""
    rng = np.random.default_rng(len(text))
    parts = []
    for letter in text[::2] if text.isascii() else text:
        if not letter.isalnum():
            parts.append(np.zeros(int(0.12 * rate_hz)))
            continue
        count = int(rng.uniform(0.09, 0.17) * rate_hz)
        time = np.arange(count) / rate_hz
        pitch = hertz * rng.uniform(0.9, 1.1)
        wave = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in (1, 2, 3, 5))
        parts.append(rng.uniform(0.08, 0.42) * wave * np.hanning(count))
    return Sound(np.concatenate(parts).astype(np.float32), rate_hz)


def _case(language: Language) -> Case:
    zh = language == "zh"
    return small_case(
        f"spoken-{language}", language=language, title="胃疼三天" if zh else "Chest ache on the stairs",
        chief_complaint=WORDS[language][0], diagnosis={"name": "急性胃炎" if zh else "Angina"},
        facts=[{"id": "cause", "topic": "medications" if zh else "onset", "text": FACTS[language], "critical": True}],
    )


def _consultation(case: Case, doctor: str, shelf: SoundShelf, hostile: bool) -> Consultation:
    telephone = doctor == DOCTORS[1]
    turns = tuple(_turn(case, index, telephone, shelf, hostile) for index in range(6))
    total = 62.0 if telephone else 81.5
    verdict = Verdict(judge="rubric", scores={"symptom_understanding": 8.0}, metrics={"total": total, "coverage": 1.0},
                      evidence=(Evidence(tag="critical fact", reason=FACTS[case.language], turn=4),))
    return Consultation(
        key=Key(case=case.id, doctor=doctor, trial=0, seed=5, config_hash="c0"), language=case.language, turns=turns,
        stop_reason="advice_given", verdicts=(verdict,), metrics={"total": total, "coverage": 1.0},
    )


def _turn(case: Case, index: int, telephone: bool, shelf: SoundShelf, hostile: bool) -> Turn:
    language, patient = case.language, index % 2 == 0
    text, heard = WORDS[language][index], HEARD[language][index]
    heard = f"{heard} {MARKUP}" if hostile and heard else heard
    rate_hz = HEARD_HZ if patient else SPOKEN_HZ
    silent = index == 2
    sound = silence(1.2, rate_hz) if silent else voice(text, 190.0 if patient else 115.0, rate_hz)
    ref, level = shelf.put(sound), levels(sound)
    cut_s = round(0.45 * sound.seconds, 3) if index == 3 else None
    heard_audio = None
    effects: tuple[str, ...] = ()
    if cut_s is not None:
        heard_audio = shelf.put(Sound(sound.samples[: round(cut_s * rate_hz)], rate_hz))
    elif patient and telephone:
        arrived = through(sound, TELEPHONE, index)
        heard_audio, effects = shelf.put(arrived.sound), arrived.effects
    errors = None if silent else count_errors(text if cut_s is None else text[: len(heard) + 4], heard, language)
    figures = SpeechFigures(
        voice="" if silent else "female adult f3" if patient else "doctor m2", segments=1 + (index == 5),
        read="" if silent or "38.5" not in text else text.replace("38.5℃", "三十八点五摄氏度"),
        peak_dbfs=level.peak_dbfs, rms_dbfs=level.rms_dbfs, clipped_share=level.clipped_share, silent=level.silent,
        waveform=level.waveform, channel=effects, cut_s=cut_s, characters=errors and errors.characters,
        words=errors and errors.words,
    )
    timing = SpeechTiming(
        synthesis_s=0.0 if silent else 0.031 + 0.01 * index, first_audio_s=0.0 if silent else 0.012,
        listening_s=0.08, pause_s=0.4 if patient and index else 0.0, cached=telephone and not silent,
    )
    return Turn(
        index=index, exchange=index // 2 + 1, role="patient" if patient else "doctor", text=text, heard=heard,
        audio=ref, heard_audio=heard_audio, speech=figures, speech_timing=timing,
        latency=Latency() if patient else Latency(total_s=0.21), disclosed=("cause",) if index == 4 else (),
    )


def _measured(record: Consultation, turn: Turn) -> dict[str, Any]:
    assert turn.audio and turn.speech
    seconds = turn.audio.seconds
    vad = None if turn.speech.silent else {
        "speech_s": round(0.8 * seconds, 3), "first_s": 0.05, "last_s": round(seconds - 0.06, 3), "share": 0.8,
    }
    key = {"case": record.key.case, "doctor": record.key.doctor, "trial": record.key.trial}
    gap = None if turn.index == 0 or turn.speech.silent else (0.37, 0.37, 0.54, 0.71, -0.31, 1.05)[turn.index]
    crossed = turn.heard_audio is not None and turn.speech.cut_s is None
    return {
        "key": key, "turn": turn.index, "role": turn.role, "vad": vad, "gap_s": gap,
        "pesq": 2.41 if crossed else None, "stoi": 0.873 if crossed else None, "utmos": None,
        "problem": "no speech was found" if turn.speech.silent else "",
    }
