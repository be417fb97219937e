"""Voices that speak like a recording: who speaks, what is sent, what the sound depends on; and the real servers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agents.catalog import create, find, validate_options
from agents.protocols import SpeakerCard, VoiceView
from agents.sound.wave import Sound, silence, wav_bytes
from agents.voices.cloning import CloningVoice, CosyVoiceOptions, FishSpeechOptions
from agents.voices.speakers import SpeakerTable
from agents.voices.speech_server_references import Recordings
from agents.voices.text import for_the_ear, split
from scenarios.errors import AgentFailure, ClinicError, InputError, UnknownName
from scenarios.schema import BackendRef
from tests.agents.voices.speech_faults import Speaking, speaking, tone
from tests.agents.voices.test_speech_servers import LONG, said
from tests.services.speech_servers import speech_server

MAN = SpeakerCard("case-1", "zh", "male", 40.0, "成年", 1)
CHILD = SpeakerCard("case-2", "zh", "female", 8.0, "少年", 2)
SPEAKERS = {
    "男": {"成年": {"M1": [["m1.wav", "今天天气很好"]], "M2": [["m2.wav", "我们走吧"]]}},
    "女": {"少年": {"G1": [["g1.wav", "你好"]]}},
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name, hertz in (("m1", 110.0), ("m2", 130.0), ("g1", 280.0)):
        (tmp_path / f"{name}.wav").write_bytes(wav_bytes(tone("a" * 150, hertz, 16_000)))
    file = tmp_path / "speakers.json"
    corpus = {"name": "small", "root": ".", "speakers": SPEAKERS}
    whole = {"format": "clinic-speakers-1", "corpora": [corpus]}
    file.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
    return file


def voice(server: Speaking | str, table: Path, **options: Any) -> CloningVoice:
    url = server if isinstance(server, str) else server.root
    given = {"model": "some-voice", "url": url, "speakers": str(table), **options}
    return CloningVoice(CosyVoiceOptions.model_validate(given))


async def test_a_request_holds_the_speakers_recording_and_its_words(table: Path) -> None:
    async with speaking() as server:
        spoken = await said(voice(server, table, stream=True, speed=0.9), "我咳嗽。", CHILD)
    (asked,) = server.requests
    sent = base64.b64decode(asked.pop("ref_audio"))
    assert sent == (table.parent / "g1.wav").read_bytes()
    assert 0 <= asked.pop("seed") < 2**31
    assert asked == {
        "model": "some-voice", "input": "我咳嗽。", "language": "zh", "ref_text": "你好", "speed": 0.9, "stream": True,
        "response_format": "wav",
    }
    assert spoken.voice == "small/G1" and spoken.first_s is not None


async def test_one_speaker_speaks_the_whole_consultation_and_all_pieces_of_a_long_text(table: Path) -> None:
    card = SpeakerCard("case-3", "en", "male", 45.0, "成年", 7)
    async with speaking() as server:
        asked = voice(server, table)
        spoken = [await asked.speak(VoiceView(text, card)) for text in (LONG, "A second turn.", "A third.")]
        await asked.aclose()
    assert len({one.voice for one in spoken}) == 1 and spoken[0].voice in ("small/M1", "small/M2")
    assert len({request["ref_audio"] for request in server.requests}) == 1
    pieces = split(for_the_ear(LONG, "en"), "en")
    assert sorted(pieces) == sorted(request["input"] for request in server.requests[:-2]) and spoken[0].segments > 3
    others = {voice(server, table).key(VoiceView("你好", SpeakerCard(f"c{n}", "zh", "male", 40.0, "成年", n)))
              for n in range(20)}
    assert len(others) == 2, "other patients get other speakers"


def test_the_key_is_made_of_what_is_heard(table: Path) -> None:
    def key(text: str = "我咳嗽3天。", card: SpeakerCard = MAN, **options: Any) -> str:
        return voice("http://127.0.0.1:9", table, **options).key(VoiceView(text, card))

    same, wavs = key(), [table.parent / f"{name}.wav" for name in ("m1", "m2")]
    assert same == key("我咳嗽三天。") == key(url="http://127.0.0.1:1", patience_s=1, max_concurrency=1)
    assert same == key(card=SpeakerCard("case-1", "zh", "male", 40.0, "成年", 1))
    before = {same, key("我咳嗽4天。"), key(card=CHILD), key(speed=1.5), key(model="other"), key(stream=True)}
    assert len(before) == 6
    for wav in wavs:
        wav.write_bytes(wav_bytes(tone("a" * 150, 99.0, 16_000)))
    after = key()
    assert after not in before, "another recording under the same name is another voice"
    table.write_text(table.read_text("utf-8").replace("今天天气很好", "今天下雨").replace("我们走吧", "再见"), "utf-8")
    assert key() not in {after, *before}, "other words for the recording sound differently"


def test_a_recording_that_changes_under_a_running_voice_is_read_again(table: Path) -> None:
    asked, view, wav = voice("http://127.0.0.1:9", table), VoiceView("你好", CHILD), table.parent / "g1.wav"
    before = asked.key(view)
    assert asked.key(view) == before
    wav.write_bytes(wav_bytes(tone("a" * 150, 99.0, 16_000)))
    assert asked.key(view) != before


def test_recordings_in_memory_are_bounded(table: Path) -> None:
    chosen = [SpeakerTable.load(table).choose(card) for card in (MAN, CHILD, MAN)]
    size = len(Recordings(10**9).get(chosen[0]).wav_base64)
    kept = Recordings(size + 10)
    assert [kept.get(one).digest for one in chosen][0] == kept.get(chosen[0]).digest
    assert len(kept._ready) == 1 and kept._left == 10
    assert Recordings(10).get(chosen[0]).wav_base64 and len(Recordings(10)._ready) == 0


async def test_a_recording_of_any_kind_is_sent_as_16_bit_mono_of_a_usual_rate(table: Path) -> None:
    stereo = np.stack([tone("a" * 150, 280.0, 8_000).samples] * 2, axis=1)
    soundfile.write(table.parent / "g1.wav", stereo, 8_000, subtype="PCM_U8")
    async with speaking() as server:
        await said(voice(server, table), "我咳嗽。", CHILD)
    info = soundfile.info(io.BytesIO(base64.b64decode(server.requests[0]["ref_audio"])))
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    assert info.duration == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(("content", "kind"), [
    (None, "missing"), (b"no sound at all", "not_audio"), (wav_bytes(tone("a" * 20, 200.0, 16_000)), "too_short"),
    (wav_bytes(tone("a" * 3100, 200.0, 4_000)), "too_long"), (wav_bytes(silence(2, 16_000)), "silent"),
    (wav_bytes(Sound(np.zeros(0, np.float32), 16_000)), "empty"),
])
async def test_a_recording_that_cannot_be_used_is_named(table: Path, content: bytes | None, kind: str) -> None:
    wav = table.parent / "g1.wav"
    wav.unlink() if content is None else wav.write_bytes(content)
    async with speaking() as server:
        asked = voice(server, table)
        with pytest.raises(AgentFailure, match="small/G1") as failed:
            asked.key(VoiceView("你好", CHILD))
        with pytest.raises(AgentFailure):
            await said(asked, "你好", CHILD)
    assert (failed.value.owner, failed.value.kind) == ("voice", f"reference_{kind}") and not server.requests


async def test_a_language_that_the_model_does_not_speak_is_refused_before_anything_is_sent(table: Path) -> None:
    async with speaking() as server:
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server, table, languages=["en"]), "我咳嗽。", CHILD)
    assert (failed.value.owner, failed.value.kind) == ("voice", "unsupported_language") and not server.requests


@pytest.mark.parametrize(("health", "error", "said_of_it"), [
    ({"name": "some-voise"}, UnknownName, "Did you mean"), ({"contract": 2}, InputError, "speech contract"),
    ({"ready": False, "problem": "OSError: no weights"}, InputError, "no weights"),
    ({"ready": False}, AgentFailure, "loading its model"), ({"clones": False}, InputError, "cannot speak like"),
    ({"languages": ["en"]}, InputError, "does not speak zh"),
])
async def test_preflight_says_what_is_wrong_with_the_server(
    table: Path, health: dict[str, Any], error: type[ClinicError], said_of_it: str
) -> None:
    async with speaking(**health) as server:
        asked = voice(server, table, patience_s=0)
        with pytest.raises(error, match=said_of_it):
            await asked.preflight(0)
        await asked.aclose()


async def test_preflight_waits_for_a_server_that_loads_and_names_one_that_is_away(table: Path) -> None:
    async with speaking(ready=False) as server:
        asked = voice(server, table)
        loading = asyncio.create_task(asked.preflight(0))
        await asyncio.sleep(0.1)
        server.health["ready"] = True
        await asyncio.wait_for(loading, 5)
        await asked.aclose()
        gone = voice(server, table)
    with pytest.raises(AgentFailure, match="nobody answers"):
        await gone.preflight(0)
    await gone.aclose()


def test_backends_have_their_servers_and_need_a_table(table: Path) -> None:
    for name, options in (("cosyvoice", CosyVoiceOptions), ("fish-speech", FishSpeechOptions)):
        with pytest.raises(InputError, match="speakers"):
            validate_options(find("voice", name), {})
        made = create("voice", BackendRef.model_validate({"backend": name, "speakers": str(table)}))
        assert isinstance(made, CloningVoice) and made.fingerprint
        assert isinstance(validate_options(find("voice", name), {"speakers": str(table)}), options)
    with pytest.raises(InputError, match="no speaker table"):
        create("voice", BackendRef.model_validate({"backend": "cosyvoice", "speakers": "nowhere.json"}))


@pytest.fixture(scope="module")
def espeak() -> Iterator[str]:
    with speech_server("speech-template") as url:
        yield url


async def test_a_real_server_speaks_both_languages_at_the_pitch_of_the_recording(espeak: str, table: Path) -> None:
    asked = voice(espeak, table, model="espeak")
    await asked.preflight(0)
    man, child = [await asked.speak(VoiceView("我咳嗽三天了。", card)) for card in (MAN, CHILD)]
    english = await asked.speak(VoiceView("Since 3 days, I cough.", SpeakerCard("c", "en", "female", 9.0, "少年", 3)))
    again = await asked.speak(VoiceView("我咳嗽三天了。", MAN))
    await asked.aclose()
    assert man.sound.rate_hz == 22_050 and man.sound.seconds > 0.8 and english.sound.seconds > 0.8
    assert (again.sound.samples == man.sound.samples).all()
    assert brightness(man.sound) < brightness(child.sound)


async def test_a_real_stream_from_a_real_server_is_whole(espeak: str, table: Path) -> None:
    text = "I have a cough. It is worse at night. There was no fever."
    streamed, whole = [
        await said(voice(espeak, table, model="espeak", stream=stream, longest=40), text, MAN)
        for stream in (True, False)
    ]
    assert streamed.first_s is not None and streamed.segments == whole.segments > 1
    assert (streamed.sound.samples == whole.sound.samples).all()
    assert streamed.sound.seconds > 3


def brightness(sound: Sound) -> float:
    """Return the mean pitch in Hz, from the autocorrelation of loud frames."""
    frame, pitches = sound.rate_hz // 16, []
    for at in range(0, len(sound.samples) - frame, frame):
        part = sound.samples[at:at + frame]
        if np.abs(part).max() > 0.1:
            alike = np.correlate(part, part, "full")[frame - 1:][sound.rate_hz // 400:sound.rate_hz // 60]
            pitches.append(sound.rate_hz / (int(np.argmax(alike)) + sound.rate_hz // 400))
    return float(np.median(pitches))
