"""Voices behind /v1/audio/speech: what is asked, which voice for whom, pieces in order, seeds, keys, streams."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import pytest
import soundfile

from agents.catalog import create, find, identity, validate_options
from agents.protocols import SpeakerCard, Spoken, VoiceView
from agents.sound.wave import wav_bytes
from agents.voices.openai_speech import SpeechServerOptions, SpeechServerVoice
from agents.voices.speech_server_names import choose, table_of
from agents.voices.text import for_the_ear, split
from scenarios.errors import AgentFailure, InputError, UnknownName
from scenarios.schema import BackendRef
from tests.agents.voices.speech_faults import RATE_HZ, Answer, Speaking, speaking, tone

WOMAN = SpeakerCard("case-1", "en", "female", 30.0, "青年", 1)
LONG = " ".join(f"I have had this cough for {number} days now." for number in range(3, 23))


def voice(server: Speaking, **options: Any) -> SpeechServerVoice:
    given = {"model": "some-voice", "base_url": server.url, **options}
    return SpeechServerVoice(SpeechServerOptions.model_validate(given))


async def said(asked: Any, text: str = "I have a cough.", card: SpeakerCard = WOMAN) -> Spoken:
    try:
        spoken: Spoken = await asked.speak(VoiceView(text, card))
        return spoken
    finally:
        await asked.aclose()


async def test_the_request_is_openais_and_holds_nothing_that_was_not_asked_for() -> None:
    async with speaking() as server:
        spoken = await said(voice(server, voice="vivian"))
    assert server.requests == [
        {"model": "some-voice", "input": "I have a cough.", "voice": "vivian", "response_format": "wav"}
    ]
    assert spoken.sound.rate_hz == RATE_HZ and spoken.segments == 1 and spoken.voice == "vivian"
    assert spoken.read == "I have a cough." and spoken.first_s is None
    np.testing.assert_allclose(spoken.sound.samples, tone("I have a cough.").samples, atol=1e-4)


async def test_options_of_other_servers_are_sent_by_their_own_names() -> None:
    async with speaking() as server:
        await said(voice(
            server, language_key="language", send_seed=True, speed=1.2, instructions="calmly",
            extra_body={"task_type": "CustomVoice", "max_new_tokens": 900, "speed": None},
        ))
        await said(voice(server, language_key="lang_code", languages={"zh": "z", "en": "a"}, stream=True))
    omni, kokoro = server.requests
    assert (omni["language"], omni["task_type"], omni["instructions"]) == ("English", "CustomVoice", "calmly")
    assert 0 <= omni["seed"] < 2**31 and "speed" not in omni, "null leaves a key out"
    assert (kokoro["lang_code"], kokoro["stream"]) == ("a", True)


async def test_every_piece_of_a_long_text_is_asked_for_once_and_stands_in_its_place() -> None:
    pieces = split(for_the_ear(LONG, "en"), "en")
    assert len(pieces) > 3
    async with speaking() as server:
        server.rule = lambda body: Answer(wait_s=0.05 * (body["input"] == pieces[0]))  # the first is ready last
        spoken = await said(voice(server, pause_s=0.25, max_concurrency=2), LONG)
        assert server.most_at_once == 2
    assert sorted(request["input"] for request in server.requests) == sorted(pieces)
    gap = np.zeros(RATE_HZ // 4, np.float32)
    expected = np.concatenate([part for piece in pieces for part in (gap, tone(piece).samples)][1:])
    assert spoken.segments == len(pieces) and spoken.read == for_the_ear(LONG, "en")
    np.testing.assert_allclose(spoken.sound.samples, expected, atol=1e-4)


async def test_numbers_and_units_are_read_as_words() -> None:
    async with speaking() as server:
        spoken = await said(voice(server), "BP 140/90, 5 mg.")
    assert not any(character.isdigit() for character in server.requests[0]["input"]) and spoken.read != ""


@pytest.mark.parametrize("text", ["", " \n", "……", "?!"])
async def test_nothing_to_say_is_a_short_silence_and_asks_nobody(text: str) -> None:
    async with speaking() as server:
        spoken = await said(voice(server), text)
    assert not server.requests and spoken.segments == 0 and 0.1 < spoken.sound.seconds < 1
    assert not spoken.sound.samples.any()


@pytest.mark.parametrize("kind", ["wav", "pcm", "flac", "mp3"])
async def test_every_format_becomes_the_same_sound(kind: str) -> None:
    sound, out = tone("I have a cough, and I have had it for days."), io.BytesIO()
    if kind == "pcm":
        content = wav_bytes(sound)[44:]
    else:
        soundfile.write(out, sound.samples, RATE_HZ, format=kind.upper())
        content = out.getvalue()
    async with speaking() as server:
        server.script.append(Answer(content=content))
        spoken = await said(voice(server, response_format=kind))
    assert server.requests[0]["response_format"] == kind and spoken.sound.rate_hz == RATE_HZ
    assert abs(spoken.sound.seconds - sound.seconds) < 0.06
    if kind != "mp3":
        np.testing.assert_allclose(spoken.sound.samples, sound.samples, atol=1e-3)


async def test_raw_samples_have_the_rate_that_the_server_tells_or_the_options_say() -> None:
    async with speaking() as server:
        server.script.append(Answer(headers={"X-Sample-Rate": "44100"}))
        assert (await said(voice(server, response_format="pcm"))).sound.rate_hz == 44_100
        assert (await said(voice(server, response_format="pcm", pcm_rate_hz=22_050))).sound.rate_hz == 22_050


async def test_a_stream_tells_when_its_first_sound_came() -> None:
    content = wav_bytes(tone("a" * 200))
    streamed = content[:40] + b"\xff\xff\xff\xff" + content[44:]
    async with speaking() as server:
        server.script.append(Answer(content=streamed, chunked=True))
        spoken = await said(voice(server, stream=True))
    assert spoken.first_s is not None and 0 < spoken.first_s < 0.1 < 47 * 0.005
    assert len(spoken.sound.samples) == (len(content) - 44) // 2, "all of a stream whose header has no length"


def test_the_key_depends_on_everything_that_can_change_the_sound_and_on_nothing_else() -> None:
    def key(text: str = "I have 2 coughs.", card: SpeakerCard = WOMAN, **options: Any) -> str:
        made = SpeechServerOptions.model_validate({"model": "m", "voices": {"female": ["a", "b", "c"]}, **options})
        return SpeechServerVoice(made).key(VoiceView(text, card))

    same = key()
    assert same == key("I have two coughs."), "what is read aloud counts, not how it was written"
    assert same == key(base_url="http://127.0.0.1:9/v1", retries=1, timeout_s=3, api_key_env="K", max_concurrency=2)
    others = {
        key("I have 3 coughs."), key(model="n"), key(speed=1.5), key(instructions="sadly"), key(response_format="mp3"),
        key(extra_body={"task_type": "Base"}), key(voices={"female": "d"}), key(pause_s=0.5), key(stream=True),
        key(longest=30), key(card=SpeakerCard("case-1", "zh", "female", 30.0, "青年", 1)),
    }
    assert len(others) == 11 and same not in others
    assert len({key(card=SpeakerCard(f"case-{n}", "en", "female", 30.0, "青年", n)) for n in range(20)}) == 3


async def test_seeds_follow_from_the_key_so_that_the_same_words_sound_the_same() -> None:
    async with speaking() as server:
        for text in (LONG, LONG, "Something else."):
            await said(voice(server, send_seed=True), text)
    count = (len(server.requests) - 1) // 2
    first, again, other = server.requests[:count], server.requests[count:-1], server.requests[-1]
    seeds = {request["input"]: request["seed"] for request in first}
    assert seeds == {request["input"]: request["seed"] for request in again}
    assert len({*seeds.values(), other["seed"]}) == count + 1


TABLE = table_of({
    "zh": {"female": {"少年": "girl", "成年": ["w1", "w2"]}, "male": {"老年": "old"}}, "en": {"female": "anna"},
})


@pytest.mark.parametrize(("language", "sex", "age", "names"), [
    ("zh", "female", 8.0, {"girl"}), ("zh", "female", 40.0, {"w1", "w2"}), ("zh", "female", 80.0, {"w1", "w2"}),
    ("zh", "female", 20.0, {"w1", "w2"}), ("zh", "male", 5.0, {"old"}), ("zh", "female", None, {"girl", "w1", "w2"}),
    ("zh", "unknown", 70.0, {"old"}), ("zh", "unknown", None, {"girl", "w1", "w2", "old"}),
    ("en", "male", 9.0, {"anna"}),
])
def test_a_voice_fits_sex_and_age_or_is_the_nearest(language: Any, sex: Any, age: Any, names: set[str]) -> None:
    cards = [SpeakerCard(f"case-{n}", language, sex, age, None, n) for n in range(60)]
    assert {choose(TABLE, card, "default") for card in cards} == names
    assert choose(TABLE, cards[0], "default") == choose(TABLE, cards[0], "default")
    assert choose({}, cards[0], "default") == "default"


@pytest.mark.parametrize(("options", "named"), [
    ({"voices": {"woman": "a"}}, "woman"), ({"voices": {"female": {"adult": "a"}}}, "adult"),
    ({"voices": {"female": []}}, "name of a voice"), ({"base_url": "ftp://x"}, "http"),
    ({"stream": True, "response_format": "mp3"}, "stream needs"), ({"voyce": "a"}, "voyce"),
    ({"base_url": "http://me:secret@x/v1"}, "api_key_env"),
])
def test_wrong_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named) as refused:
        validate_options(find("voice", "openai-speech"), {"model": "m", **options})
    assert "secret" not in str(refused.value) or "base_url" in options


def test_the_address_is_not_part_of_a_runs_identity() -> None:
    here = BackendRef.model_validate({"backend": "openai-speech", "model": "m", "base_url": "http://a/v1"})
    there = BackendRef.model_validate({"backend": "openai-speech", "model": "m", "base_url": "http://b/v1"})
    assert identity("voice", here) == identity("voice", there)
    assert isinstance(create("voice", here), SpeechServerVoice) and create("voice", here).fingerprint


async def test_preflight_says_what_to_mend() -> None:
    async with speaking() as server:
        for models, options, expected in (
            (["some-voice"], {}, None), (None, {}, None), ([], {}, None), (["other"], {}, UnknownName),
        ):
            server.models = models
            asked = voice(server, **options)
            if expected is None:
                await asked.preflight(0)
            else:
                with pytest.raises(expected, match="Choices: other"):
                    await asked.preflight(0)
            await asked.aclose()
        gone = voice(server)
    with pytest.raises(AgentFailure, match="start the speech server"):
        await gone.preflight(0)
    await gone.aclose()


async def test_the_key_is_read_from_the_environment_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking() as server:
        with pytest.raises(AgentFailure, match="SPEECH_KEY.*not set") as missing:
            await said(voice(server, api_key_env="SPEECH_KEY"))
        assert (missing.value.owner, missing.value.kind) == ("infrastructure", "unauthorised")
        monkeypatch.setenv("SPEECH_KEY", "s3cret")
        await said(voice(server, api_key_env="SPEECH_KEY"))
    assert server.keys == ["Bearer s3cret"]


async def test_many_at_once_never_exceed_the_servers_places() -> None:
    async with speaking() as server:
        server.rule = lambda body: Answer(wait_s=0.01)
        asked = voice(server, max_concurrency=3)
        cards = [SpeakerCard(f"case-{n}", "en", "male", 40.0, "成年", n) for n in range(30)]
        await asyncio.gather(*(asked.speak(VoiceView(f"Word {card.name}.", card)) for card in cards))
        await asked.aclose()
    assert len(server.requests) == 30 and server.most_at_once == 3
